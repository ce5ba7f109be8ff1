/* bare.c -- the least that libmicrohttpd can do: read a body, answer the same text every time.
 *
 * What throughput.sh holds gradd against: the same library, threading and answer, and no work.
 */
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static char answer[] = "{\"outputs\":[\"f\"],\"values\":{\"x\":-2,\"y\":5,\"z\":-4,\"q\":3,\"f\":-12},"
                       "\"gradients\":{\"x\":-4,\"y\":-4,\"z\":3,\"q\":-4,\"f\":1}}\n";

static enum MHD_Result reply(void *cls, struct MHD_Connection *c, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *size, void **state)
{
    static int seen;
    (void)cls, (void)url, (void)method, (void)version, (void)data;
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    struct MHD_Response *r =
        MHD_create_response_from_buffer(sizeof answer - 1, answer, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(r, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(c, 200, r);
    MHD_destroy_response(r);
    return result;
}

int main(void)
{
    sigset_t set;
    int which;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, reply,
                                            NULL, MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
    if (!d) return 1;
    printf("%u\n", (unsigned)MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&set, &which);
    MHD_stop_daemon(d);
    return 0;
}
