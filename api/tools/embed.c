/* embed.c -- a file as C: embed FILE NAME writes `const char NAME[]` and `NAME_length`.
 *
 * For HTML it also writes NAME_policy, a Content-Security-Policy under which the page may run the
 * script and use the style that stand in it and nothing else: it names them by their SHA-256. So a
 * script that something slips into the page later is not run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- SHA-256 (FIPS 180-4) ------------------------------------------------------------------ */

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void mix(uint32_t h[8], const unsigned char *block)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++, block += 4)
        w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 |
               block[3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[0], e = v[4];
        uint32_t one = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                       ((e & v[5]) ^ (~e & v[6])) + rounds[i] + w[i];
        uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
                       ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

static void sha256(unsigned char out[32], const unsigned char *data, size_t n)
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char tail[128] = {0};
    size_t rest = n % 64, room = rest < 56 ? 64 : 128;
    for (size_t i = 0; i + 64 <= n; i += 64) mix(h, data + i);
    memcpy(tail, data + (n - rest), rest);
    tail[rest] = 0x80;
    for (size_t i = 0; i < 8; i++) tail[room - 1 - i] = (unsigned char)((uint64_t)n * 8 >> 8 * i);
    for (size_t i = 0; i < room; i += 64) mix(h, tail + i);
    for (size_t i = 0; i < 32; i++) out[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void print_base64(const unsigned char *at, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned x = (unsigned)at[i] << 16;
        if (i + 1 < n) x |= (unsigned)at[i + 1] << 8;
        if (i + 2 < n) x |= at[i + 2];
        putchar(digits[x >> 18]);
        putchar(digits[x >> 12 & 63]);
        putchar(i + 1 < n ? digits[x >> 6 & 63] : '=');
        putchar(i + 2 < n ? digits[x & 63] : '=');
    }
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The sources that a directive allows: the hashes of all elements of this name, or 'none'. */
static void print_sources(const char *text, const char *directive, const char *name)
{
    char open[16], close[16];
    int found = 0;
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    printf("    \"; %s", directive);
    for (const char *at = text; (at = strstr(at, open)); found++) {
        unsigned char hash[32];
        at += strlen(open);
        const char *end = strstr(at, close);
        if (!end) break;
        sha256(hash, (const unsigned char *)at, (size_t)(end - at));
        printf(" 'sha256-");
        print_base64(hash, sizeof hash);
        printf("'");
    }
    printf("%s\"\n", found ? "" : " 'none'");
}

static void print_policy(const char *text, const char *name)
{
    printf("extern const char %s_policy[];\nconst char %s_policy[] =\n"
           "    \"default-src 'none'\"\n",
           name, name);
    print_sources(text, "script-src", "script");
    print_sources(text, "style-src", "style");
    printf("    \"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'\"\n"
           "    \"; frame-ancestors 'none'\";\n");
}

static char *read_all(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0, got = 1;
    for (*n = 0; f && got; *n += got) {
        if (room - *n < 2) {
            char *more = realloc(text, room += 65536);
            if (!more) break;
            text = more;
        }
        got = fread(text + *n, 1, room - *n - 1, f);
    }
    if (!f || ferror(f) || got || fclose(f)) {
        fprintf(stderr, "embed: cannot read %s\n", path);
        exit(1);
    }
    text[*n] = '\0';
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: embed FILE NAME\n");
        return 2;
    }
    size_t n;
    char *text = read_all(argv[1], &n);
    const char *name = argv[2], *dot = strrchr(argv[1], '.');
    printf("/* Made by embed. */\n#include <stddef.h>\n\nextern const char %s[];\n"
           "extern const size_t %s_length;\nconst char %s[] = {",
           name, name, name);
    for (size_t i = 0; i < n; i++)
        printf("%s'\\x%02x',", i % 16 ? "" : "\n    ", (unsigned)(unsigned char)text[i]);
    printf("\n    0};\nconst size_t %s_length = %zu;\n", name, n);
    if (dot && strcmp(dot, ".html") == 0) print_policy(text, name);
    free(text);
    return fflush(stdout) || ferror(stdout);
}
