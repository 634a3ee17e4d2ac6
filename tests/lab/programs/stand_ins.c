/*
 * Licensed under the Apache License, Version 2.0 (the "License"); you may
 * not use this file except in compliance with the License. You may obtain
 * a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 * WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
 * License for the specific language governing permissions and limitations
 * under the License.
 *
 * Preloaded into libvirtd where the lab's host has more CPUs than the machine
 * (tests/lab/stand_ins.py): in a mask of CPUs that a thread may run on, those
 * of LAB_STAND_INS, a comma-separated list, become LAB_STOOD_FOR.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *wanted)
{
    const char *list = getenv("LAB_STAND_INS");
    const char *target = getenv("LAB_STOOD_FOR");
    cpu_set_t *mask = malloc(size);
    int result;

    if (mask == NULL)
        return -1;
    memcpy(mask, wanted, size);
    while (list != NULL && target != NULL && *list != '\0') {
        char *end;
        long cpu = strtol(list, &end, 10);

        if (CPU_ISSET_S(cpu, size, mask)) {
            CPU_CLR_S(cpu, size, mask);
            CPU_SET_S(atol(target), size, mask);
        }
        list = *end == ',' ? end + 1 : "";
    }
    result = syscall(SYS_sched_setaffinity, pid, size, mask);
    free(mask);
    /* As glibc's: the system call's success is a size. */
    return result < 0 ? -1 : 0;
}
