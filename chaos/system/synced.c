/* Preloaded into Redis. Notes how much of each file was safe on the disk after every sync, as a power cut would leave
 * it: one line a sync, "<bytes> <path>", appended to the file that CHAOS_SYNCED names. As long as there is a file that
 * CHAOS_SLOW names, every sync takes as many milliseconds longer as it says, as on a slow or busy disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void note(int fd, off_t bytes) {
    char link[64], path[4096], line[4200];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    const char *log = getenv("CHAOS_SYNCED");
    if (length <= 0 || !log) return;
    path[length] = 0;
    int written = snprintf(line, sizeof line, "%lld %s\n", (long long)bytes, path);
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (out < 0) return;
    if (write(out, line, written) != written) abort();
    close(out);
}

static void wait_for_disk(void) {
    const char *slow = getenv("CHAOS_SLOW");
    FILE *file = slow ? fopen(slow, "r") : NULL;
    unsigned milliseconds = 0;
    if (!file) return;
    if (fscanf(file, "%u", &milliseconds) == 1) usleep(milliseconds * 1000);
    fclose(file);
}

static int synced(const char *name, int fd) {
    struct stat before; /* what is written while the sync runs is not promised */
    int known = fstat(fd, &before) == 0;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    wait_for_disk();
    int result = real(fd);
    if (result == 0 && known && S_ISREG(before.st_mode)) note(fd, before.st_size);
    return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
