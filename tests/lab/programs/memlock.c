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
 * Preloaded into libvirtd on machines without CAP_SYS_RESOURCE: libvirt
 * raises RLIMIT_MEMLOCK for guests with locked memory, and gives up when it
 * may not. With CAP_IPC_LOCK the limit does not matter, so a refusal for this
 * one limit is taken for a success.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int set(pid_t pid, int resource, const void *new, void *old)
{
    int result = syscall(SYS_prlimit64, pid, resource, new, old);

    if (result < 0 && errno == EPERM && new != NULL
        && resource == RLIMIT_MEMLOCK)
        return 0;
    return result;
}

int prlimit(pid_t pid, __rlimit_resource_t resource,
            const struct rlimit *new, struct rlimit *old)
{
    return set(pid, resource, new, old);
}

int prlimit64(pid_t pid, __rlimit_resource_t resource,
              const struct rlimit64 *new, struct rlimit64 *old)
{
    return set(pid, resource, new, old);
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *new)
{
    return set(0, resource, new, NULL);
}

int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *new)
{
    return set(0, resource, new, NULL);
}
