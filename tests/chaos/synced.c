/* Preloaded into Redis. Notes how much of each file was safe on the disk after every sync, as a power cut would leave
 * it: one line a sync, "<bytes> <path>", appended to the file that CHAOS_SYNCED names. Makes every sync take
 * CHAOS_SYNC_MS longer, as a slow or busy disk does. */
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

static int synced(const char *name, int fd) {
    struct stat before; /* what is written while the sync runs is not promised */
    int known = fstat(fd, &before) == 0;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *delay_ms = getenv("CHAOS_SYNC_MS");
    if (delay_ms) usleep(1000 * atoi(delay_ms));
    int result = real(fd);
    if (result == 0 && known && S_ISREG(before.st_mode)) note(fd, before.st_size);
    return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
