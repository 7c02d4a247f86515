"""A program that carries out orders, one line at a time."""

from __future__ import annotations

PUPPET = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *live(void *started) {
    printf("%d\n", gettid());
    pause();
    return started;
}

static const size_t step = 8 << 20;

/* Small pages, so that each is a fault of its own. */
static char *map(int flags, int file) {
    char *memory = mmap(NULL, step, PROT_READ | PROT_WRITE, flags, file, 0);
    madvise(memory, step, MADV_NOHUGEPAGE);
    return memory;
}

static char *map_file(const char *path) {
    int file = open(path, O_RDWR);
    char *memory = map(MAP_SHARED, file);
    close(file);
    for (size_t at = 0; at < step; at += 1024)
        *(volatile char *)(memory + at);
    return memory;
}

/* Returns in the parent what its child takes orders from. */
static FILE *fork_puppet(void) {
    int orders[2];
    pipe(orders);
    if (!fork()) {
        dup2(orders[0], 0);
        close(orders[0]);
        close(orders[1]);
        return NULL;
    }
    close(orders[0]);
    FILE *to_child = fdopen(orders[1], "w");
    setvbuf(to_child, NULL, _IOLBF, 0);
    return to_child;
}

int main(int argc, char **argv) {
    char line[4096], *held = NULL, *file = NULL;
    pthread_t thread;
    pid_t child;
    FILE *to_child = NULL, *made;
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "grow")) {
            held = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
            memset(held, 1, step);
            puts("grown");
        } else if (!strcmp(line, "shrink")) {
            munmap(held, step);
            puts("shrunk");
        } else if (!strncmp(line, "write ", 6)) {
            memset(held, 2, atol(line + 6));
            puts("written");
        } else if (!strncmp(line, "map ", 4)) {
            file = map_file(line + 4);
            puts("mapped");
        } else if (!strcmp(line, "unmap")) {
            munmap(file, step);
            puts("unmapped");
        } else if (!strncmp(line, "child ", 6)) {
            fprintf(to_child, "%s\n", line + 6);
        } else if (!strcmp(line, "fork")) {
            /* The child answers: then it has touched what it needs in order to run. */
            if ((made = fork_puppet()))
                to_child = made;
            else
                printf("%d\n", getpid());
        } else if (!strncmp(line, "wait for ", 9)) {
            child = atoi(line + 9);
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            puts("waited");
        } else if (!strcmp(line, "thread")) {
            pthread_create(&thread, NULL, live, NULL);
        } else if (!strcmp(line, "end main thread")) {
            pthread_exit(NULL);
        } else {
            execl(line, line, (char *)NULL);
        }
    }
    /* Without an order, a child waits. */
    pause();
}
"""
"""It answers each order with a line, but the one that ends its main thread."""
