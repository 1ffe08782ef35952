/* The floor: the least that reading a TLS server's first flight can cost.
 *
 * One epoll set, non-blocking sockets, no TLS: connect, send a hello that was recorded
 * before, read until the last octet of the record that ends the server's first flight, close.
 * Nothing is parsed but the lengths of records, nothing is computed, nothing is written
 * per target. Whatever a real scanner costs above this is its own work.
 *
 * usage: floor HELLO-FILE RECORDS FIRST-ADDRESS TARGETS PORT CONCURRENCY
 *   RECORDS is how many records the flight has. Prints one line of JSON.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_HELLO = 16384, MAX_EVENTS = 256, STALL_MS = 10000 };

struct probe {
    int fd;
    int sent;             /* the hello has left */
    int records;          /* whole records seen */
    unsigned header_have; /* octets of the current record's header seen, up to 5 */
    unsigned char header[5];
    unsigned remaining; /* octets of the current record's fragment still to come */
};

static unsigned char hello[MAX_HELLO];
static size_t hello_len;
static unsigned char sink[65536];
static int wanted, port, epoll_fd;
static uint32_t next_address;
static long left, done, failed;
static unsigned long long octets;

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* Counts records by their lengths alone; true when the flight is over. */
static int flight_is_over(struct probe *p, const unsigned char *at, size_t n) {
    while (n) {
        if (p->header_have < 5) {
            p->header[p->header_have++] = *at++;
            n--;
            if (p->header_have == 5) {
                p->remaining = (unsigned)p->header[3] << 8 | p->header[4];
                if (p->remaining == 0) {
                    p->header_have = 0;
                    p->records++;
                }
            }
        } else {
            size_t take = n < p->remaining ? n : p->remaining;
            at += take;
            n -= take;
            p->remaining -= (unsigned)take;
            if (p->remaining == 0) {
                p->header_have = 0;
                p->records++;
            }
        }
    }
    return p->records >= wanted;
}

/* Begins the next target in this slot; false when there is none left. */
static int begin(struct probe *p) {
    while (left > 0) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = p};
        to.sin_addr.s_addr = htonl(next_address++);
        left--;
        memset(p, 0, sizeof *p);
        p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (p->fd < 0)
            die("socket");
        if (connect(p->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
            failed++;
            close(p->fd);
            continue;
        }
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &event) < 0)
            die("epoll_ctl");
        return 1;
    }
    p->fd = -1;
    return 0;
}

/* One event of one probe: 0 to go on, 1 when its flight is whole, -1 when it failed. */
static int step(struct probe *p, uint32_t events) {
    if (!p->sent && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        if (send(p->fd, hello, hello_len, MSG_NOSIGNAL) != (ssize_t)hello_len)
            return -1;
        p->sent = 1;
    }
    while (events & EPOLLIN) {
        ssize_t n = recv(p->fd, sink, sizeof sink, 0);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        if (n == 0)
            return -1;
        octets += (unsigned long long)n;
        if (flight_is_over(p, sink, (size_t)n))
            return 1;
        if (n < (ssize_t)sizeof sink)
            return 0; /* edge-triggered: what comes later makes a new event */
    }
    return events & (EPOLLERR | EPOLLHUP) ? -1 : 0;
}

static long peak_kib(void) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (status)
        fclose(status);
    return kib;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    struct epoll_event events[MAX_EVENTS];
    struct in_addr first;
    struct rusage before, after;
    struct probe *probes;
    FILE *file;
    int concurrency, live = 0;
    double began;

    if (argc != 7 || !inet_aton(argv[3], &first)) {
        fprintf(stderr, "usage: floor HELLO-FILE RECORDS FIRST-ADDRESS TARGETS PORT CONCURRENCY\n");
        return 2;
    }
    file = fopen(argv[1], "rb");
    if (!file)
        die(argv[1]);
    hello_len = fread(hello, 1, sizeof hello, file);
    fclose(file);
    wanted = atoi(argv[2]);
    next_address = ntohl(first.s_addr);
    left = atol(argv[4]);
    port = atoi(argv[5]);
    concurrency = atoi(argv[6]);
    if (wanted < 1 || left < 1 || concurrency < 1 || port < 1)
        return 2;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    probes = calloc((size_t)concurrency, sizeof *probes);
    if (epoll_fd < 0 || !probes)
        die("start");

    getrusage(RUSAGE_SELF, &before);
    began = now();
    for (int i = 0; i < concurrency; i++)
        live += begin(&probes[i]);
    while (live) {
        int n = epoll_wait(epoll_fd, events, MAX_EVENTS, STALL_MS);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        if (n == 0) {
            fprintf(stderr, "floor: %d probes stalled\n", live);
            failed += live;
            break;
        }
        for (int i = 0; i < n; i++) {
            struct probe *p = events[i].data.ptr;
            int outcome = step(p, events[i].events);
            if (!outcome)
                continue;
            close(p->fd);
            if (outcome > 0)
                done++;
            else
                failed++;
            live -= !begin(p);
        }
    }
    getrusage(RUSAGE_SELF, &after);
    printf("{\"done\":%ld,\"failed\":%ld,\"octets\":%llu,\"user_s\":%.6f,\"system_s\":%.6f,"
           "\"wall_s\":%.6f,\"peak_kib\":%ld}\n",
           done, failed, octets, seconds(after.ru_utime) - seconds(before.ru_utime),
           seconds(after.ru_stime) - seconds(before.ru_stime), now() - began, peak_kib());
    free(probes);
    return failed ? 1 : 0;
}
