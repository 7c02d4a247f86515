"""Programs in C that count what they get done, for benchmarks of what it costs to measure them."""

from __future__ import annotations

from typing import Final

_COMMON: Final = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, PAGE = 4096 };

static char *map(size_t size) {
    char *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) exit(1);
    madvise(at, size, MADV_NOHUGEPAGE);
    memset(at, 1, size);
    return at;
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* How long it has been kept waiting for a core: what other programs leave to it is no matter. */
static uint64_t waited_ns(void) {
    unsigned long long ran = 0, waited = 0;
    FILE *file = fopen("/proc/self/schedstat", "r");
    if (!file || fscanf(file, "%llu %llu", &ran, &waited) != 2) exit(1);
    fclose(file);
    return waited;
}

static uint64_t seed = 88172645463325252ull;
static uint64_t random_number(void) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static void touch(char *memory, size_t pages) {
    for (int i = 0; i < 64; i++) memory[random_number() % pages * PAGE]++;
}

static void work(char *memory, size_t pages, uint64_t count);

int main(int argc, char **argv) {
    size_t size = atol(argv[1]) * MIB;
    char *memory = map(size);
    double seconds;
    puts("ready");
    fflush(stdout);
    while (scanf("%lf", &seconds) == 1) {
        uint64_t count = 0, longest = 0, began = now_ns(), before = began, end;
        uint64_t waited_before = waited_ns();
        end = began + (uint64_t)(seconds * 1e9);
        while (before < end) {
            work(memory, size / PAGE, count++);
            uint64_t after = now_ns();
            if (after - before > longest) longest = after - before;
            before = after;
        }
        uint64_t lived = before - began - (waited_ns() - waited_before);
        printf("%.3f %.6f\n", count / (lived * 1e-9), longest * 1e-9);
        fflush(stdout);
    }
}
"""

BUSY: Final = (
    _COMMON
    + r"""
static void work(char *memory, size_t pages, uint64_t count) {
    touch(memory, pages);
    if (count % 64 == 0) munmap(map(64 * PAGE), 64 * PAGE);
}
"""
)
"""Writes to random pages of so many MiB, and maps and unmaps 256 KiB now and then.

For each number of seconds on stdin it prints how many operations it did in one, leaving out the
time for which it waited for a core, and how long the longest took.
"""

SAVER: Final = (
    _COMMON
    + r"""
static volatile char sink;
static pid_t child;
static uint64_t saved_at;

static void save(char *memory, size_t pages) {
    for (size_t page = 0; page < pages; page++) {
        sink += memory[page * PAGE];
        if (page % 4096 == 0) usleep(10000);
    }
    _exit(0);
}

static void work(char *memory, size_t pages, uint64_t count) {
    touch(memory, pages);
    if (count % 256) return;
    if (child > 0 && waitpid(child, 0, WNOHANG) == child) child = 0, saved_at = now_ns();
    if (child == 0 && now_ns() - saved_at > 500000000ull) {
        child = fork();
        if (child == 0) save(memory, pages);
    }
}
"""
)
"""Does the same without mapping, and forks a child again and again that reads all of it, as a
database that saves to disk: pages that it writes to meanwhile are copied."""

READER: Final = r"""
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char path[64], text[8192];
    puts("ready");
    fflush(stdout);
    while (getchar() == '\n') {
        struct timespec began, ended;
        clock_gettime(CLOCK_MONOTONIC, &began);
        for (int i = 1; i < argc; i++) {
            snprintf(path, sizeof path, "/proc/%s/smaps_rollup", argv[i]);
            int fd = open(path, O_RDONLY);
            if (fd < 0 || read(fd, text, sizeof text) <= 0) return 1;
            close(fd);
        }
        clock_gettime(CLOCK_MONOTONIC, &ended);
        printf("%.9f\n", ended.tv_sec - began.tv_sec + (ended.tv_nsec - began.tv_nsec) * 1e-9);
        fflush(stdout);
    }
}
"""
"""Reads ``smaps_rollup`` of the PIDs that are its arguments for each empty line on stdin, and
prints how many seconds that took."""

CROWD: Final = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int left = atoi(argv[1]); left > 0; left--) {
        pid_t pid = fork();
        if (pid < 0) return 1;
        if (pid == 0) for (;;) pause();
    }
    puts("ready");
    fflush(stdout);
    pause();
}
"""
"""So many idle processes, in one process group."""
