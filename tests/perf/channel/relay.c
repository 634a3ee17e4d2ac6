/*    Licensed under the Apache License, Version 2.0 (the "License"); you may
 *    not use this file except in compliance with the License. You may obtain
 *    a copy of the License at
 *
 *         http://www.apache.org/licenses/LICENSE-2.0
 *
 *    Unless required by applicable law or agreed to in writing, software
 *    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 *    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
 *    License for the specific language governing permissions and limitations
 *    under the License.
 */

/* The floor in C: what relay.py does, reads, splits at line feeds, sends.
 *
 *     relay FOLDER SOCKET BOUND
 *
 * It serves the guests whose sockets are in FOLDER when it starts, and one
 * program, which gets BOUND as the answer to its first packet. It parses
 * nothing and checks no message, so every other program that does the same
 * work with as many system calls takes longer.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_READ 16384
#define MOST_GUESTS 65536
#define MOST_EVENTS 64
#define PREFIX "instance-"
/* Where the number of the instance stands in a program's packet. */
#define NUMBER_AT 39
#define DIGITS 8

/* The descriptors of the guests, by the numbers of their instances. */
static int guests[MOST_GUESTS];

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        errx(1, "%s: too long", path);
    strcpy(address.sun_path, path);
    return address;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll_ctl");
}

/* Return what some hexadecimal digits say, at most MOST_GUESTS - 1. */
static unsigned long number(const char *digits)
{
    char text[DIGITS + 1] = {0};

    memcpy(text, digits, DIGITS);
    return strtoul(text, NULL, 16) % MOST_GUESTS;
}

static void connect_to_guests(int epoll, const char *folder)
{
    struct dirent *entry;
    DIR *found = opendir(folder);

    if (found == NULL)
        err(1, "%s", folder);
    while ((entry = readdir(found)) != NULL) {
        const char *name = strstr(entry->d_name, PREFIX);
        struct sockaddr_un address;
        char path[PATH_MAX];
        int fd;

        if (name == NULL || strlen(name) < strlen(PREFIX) + DIGITS)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        address = address_of(path);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
            err(1, "%s", path);
        guests[number(name + strlen(PREFIX))] = fd;
        watch(epoll, fd);
    }
    closedir(found);
}

/* Return the connection of the first program that asks. */
static int accept_program(const char *path, const char *bound)
{
    struct sockaddr_un address = address_of(path);
    char first[MOST_READ];
    int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    int program;

    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 1) < 0)
        err(1, "%s", path);
    program = accept(listener, NULL, NULL);
    if (program < 0 || recv(program, first, sizeof(first), 0) <= 0 ||
        send(program, bound, strlen(bound), 0) < 0)
        err(1, "%s", path);
    return program;
}

static void to_guest(int program)
{
    static char packet[MOST_READ + 1];
    ssize_t size = recv(program, packet, MOST_READ, 0);

    if (size <= NUMBER_AT + DIGITS)
        exit(0);
    packet[size] = '\n';
    send(guests[number(packet + NUMBER_AT)], packet, size + 1, 0);
}

static void to_program(int program, int guest)
{
    static char chunk[MOST_READ];
    ssize_t size = recv(guest, chunk, sizeof(chunk), 0);
    char *line = chunk;

    if (size <= 0)
        exit(0);
    /* What is not whole yet goes on in pieces: nothing is kept. */
    while (line < chunk + size) {
        char *end = memchr(line, '\n', chunk + size - line);

        if (end == NULL)
            end = chunk + size;
        if (end > line)
            send(program, line, end - line, 0);
        line = end + 1;
    }
}

int main(int count, char **words)
{
    int epoll = epoll_create1(0);
    int program;

    if (count != 4)
        errx(2, "wanted: FOLDER SOCKET BOUND");
    connect_to_guests(epoll, words[1]);
    program = accept_program(words[2], words[3]);
    watch(epoll, program);
    for (;;) {
        struct epoll_event events[MOST_EVENTS];
        int ready = epoll_wait(epoll, events, MOST_EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == program)
                to_guest(program);
            else
                to_program(program, events[i].data.fd);
        }
    }
}
