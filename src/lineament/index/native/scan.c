/* The inner loops of the scan index: codes of faces, compared with probes (docs/adr/0046-codes-of-our-own.md).

   A face is a unit vector, turned by the secret of its source. Each dimension, times the root of their number, is
   rounded to one of sixteen levels, STEP apart. The upper two bits of all dimensions are its coarse code, the lower
   two its fine code.

   Coarse codes are kept in blocks of 32 faces: for each column (two dimensions, four bits) sixteen bytes, of which
   byte i has face i in its lower half and face i + 16 in its upper half. So one shuffle looks up sixteen or thirty-two
   faces in a table of sixteen entries (André, Kermarrec, Le Scouarnec, VLDB 2015). The fine code of a face lies in one
   piece: for each 128 dimensions 32 bytes, of which byte i has dimensions i, i + 32, i + 64 and i + 96.

   Every face is compared by its coarse code. Where that comes within a margin of the best so far, the fine code is
   added. No pointer is checked here: index/native/__init__.py is the only caller. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define BLOCK 32
#define WIDTH 16 /* bytes of a column in a block, and entries of its table */
#define MOST 63 /* the highest entry of a table: four of them are added up in a byte */
#define LANES 32 /* bytes of 128 dimensions in a fine code */
#define GROUP 16 /* blocks compared with one probe before the next: they stay in the first cache */
#define NEAR 2048 /* bytes ahead at which codes are fetched into the first cache, and into the second */
#define FAR 32768

static const float STEP = 0.32f;
/* Of a normal number: its mean product with the middle of its coarse cell, and the square of the error that is left
   when such a middle is divided by that. */
static const float PRODUCT = 0.96081f, ERROR = 0.15553f;

struct about {
    int64_t id;
    int32_t day; /* of capture */
    float scale; /* what makes a sum of levels an inner product */
};

struct faces {
    uint8_t *coarse, *fine; /* blocks, and a row for each face */
    struct about *about;
    int64_t count;
};

struct probe {
    const uint8_t *coarse;              /* tables, of each column 16 entries */
    const int8_t *fine;                 /* the probe, rounded, in the order of a fine code */
    float coarse_step, fine_step, bias; /* what one stands for in each, and what both leave out */
    float slope, offset;                /* an inner product to a sum of coarse entries */
    float margin;                       /* how far the inner product of the coarse code may be below that of both */
    int32_t first_day, last_day;          /* of capture, both included */
    int64_t after;                        /* only higher ids */
    int64_t most;                         /* faces that are wanted */
    float *scores;                        /* a heap of these, the least first */
    int64_t *ids;
    int64_t held; /* how many it has */
    int64_t cut;  /* the least coarse sum that is looked at */
    int64_t looked; /* faces that were compared by both codes */
};

static inline int64_t row(int64_t columns) { return (columns + 63) / 64 * LANES; }

/* ---------------------------------------------------------------- sums over the columns of a block */

/* Fetch codes that come later. It is done between the sums, a few at a time: a processor waits for few at once. */
static inline void fetch(const uint8_t *codes) {
    __builtin_prefetch(codes + FAR, 0, 2);
    __builtin_prefetch(codes + NEAR, 0, 3);
}

/* Each of these adds up a block for `many` probes; `fresh`: nothing was compared with its codes before. */

static void add_plain(const uint8_t *codes, int fresh, const uint8_t *const *tables, int many, int64_t columns,
                      uint16_t (*sums)[BLOCK]) {
    (void)fresh;
    memset(sums, 0, (size_t)many * sizeof *sums);
    for (int one = 0; one < many; one++)
        for (int64_t at = 0; at < columns * WIDTH; at += WIDTH)
            for (int i = 0; i < WIDTH; i++) {
                sums[one][i] += tables[one][at + (codes[at + i] & 15)];
                sums[one][i + 16] += tables[one][at + (codes[at + i] >> 4)];
            }
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) static inline __m256i folded(__m256i even, __m256i odd) {
    /* Each half of a register holds the sums of other columns, for the same faces. */
    __m128i e = _mm_add_epi16(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
    __m128i o = _mm_add_epi16(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
    return _mm256_set_m128i(_mm_unpackhi_epi16(e, o), _mm_unpacklo_epi16(e, o));
}

/* Sums of one column after the other, for the faces in the lower and in the upper halves of bytes. A byte holds four;
   then they go on in words, of which `even` has the odd ones too, 256 times as much: they are taken away at the end. */
struct sums_avx2 {
    __m256i low, high, even_low, odd_low, even_high, odd_high;
};

__attribute__((target("avx2"))) static inline void look_up_avx2(
    struct sums_avx2 *sums, const uint8_t *table, __m256i low, __m256i high) {
    __m256i entries = _mm256_loadu_si256((const __m256i *)table);
    sums->low = _mm256_add_epi8(sums->low, _mm256_shuffle_epi8(entries, low));
    sums->high = _mm256_add_epi8(sums->high, _mm256_shuffle_epi8(entries, high));
}

__attribute__((target("avx2"))) static inline void widen_avx2(struct sums_avx2 *sums) {
    sums->even_low = _mm256_add_epi16(sums->even_low, sums->low);
    sums->odd_low = _mm256_add_epi16(sums->odd_low, _mm256_srli_epi16(sums->low, 8));
    sums->even_high = _mm256_add_epi16(sums->even_high, sums->high);
    sums->odd_high = _mm256_add_epi16(sums->odd_high, _mm256_srli_epi16(sums->high, 8));
    sums->low = sums->high = _mm256_setzero_si256();
}

__attribute__((target("avx2"))) static inline void store_avx2(const struct sums_avx2 *from, uint16_t *sums) {
    __m256i even_low = _mm256_sub_epi16(from->even_low, _mm256_slli_epi16(from->odd_low, 8));
    __m256i even_high = _mm256_sub_epi16(from->even_high, _mm256_slli_epi16(from->odd_high, 8));
    _mm256_storeu_si256((__m256i *)sums, folded(even_low, from->odd_low));
    _mm256_storeu_si256((__m256i *)(sums + 16), folded(even_high, from->odd_high));
}

__attribute__((target("avx2"), always_inline)) static inline void add_some_avx2(
    const uint8_t *codes, int fresh, const uint8_t *const *tables, const int many, int64_t columns,
    uint16_t (*sums)[BLOCK]) {
    const __m256i nibble = _mm256_set1_epi8(15), none = _mm256_setzero_si256();
    struct sums_avx2 of[2] = {{none, none, none, none, none, none}, {none, none, none, none, none, none}};
    for (int64_t at = 0; at < columns * WIDTH; at += 128) {
        if (fresh) {
            fetch(codes + at);
            fetch(codes + at + 64);
        }
        for (int part = 0; part < 128; part += 32) {
            __m256i code = _mm256_loadu_si256((const __m256i *)(codes + at + part));
            __m256i low = _mm256_and_si256(code, nibble);
            __m256i high = _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble);
            for (int one = 0; one < many; one++) look_up_avx2(of + one, tables[one] + at + part, low, high);
        }
        for (int one = 0; one < many; one++) widen_avx2(of + one);
    }
    for (int one = 0; one < many; one++) store_avx2(of + one, sums[one]);
}

__attribute__((target("avx2"))) static inline void add_avx2(
    const uint8_t *codes, int fresh, const uint8_t *const *tables, int many, int64_t columns,
    uint16_t (*sums)[BLOCK]) {
    if (many == 2) /* each with its number as a constant, so that all sums are in registers */
        add_some_avx2(codes, fresh, tables, 2, columns, sums);
    else
        add_some_avx2(codes, fresh, tables, 1, columns, sums);
}

#elif defined(__aarch64__)

static inline void add_neon(const uint8_t *codes, int fresh, const uint8_t *const *tables, int many, int64_t columns,
                            uint16_t (*sums)[BLOCK]) {
    const uint8x16_t low = vdupq_n_u8(15);
    for (int one = 0; one < many; one++) {
        uint16x8_t a0 = vdupq_n_u16(0), a1 = a0, b0 = a0, b1 = a0;
        for (int64_t at = 0; at < columns * WIDTH; at += WIDTH) {
            if (fresh && !one && at % 64 == 0) fetch(codes + at);
            uint8x16_t code = vld1q_u8(codes + at), entries = vld1q_u8(tables[one] + at);
            uint8x16_t a = vqtbl1q_u8(entries, vandq_u8(code, low)), b = vqtbl1q_u8(entries, vshrq_n_u8(code, 4));
            a0 = vaddw_u8(a0, vget_low_u8(a));
            a1 = vaddw_high_u8(a1, a);
            b0 = vaddw_u8(b0, vget_low_u8(b));
            b1 = vaddw_high_u8(b1, b);
        }
        vst1q_u16(sums[one], a0);
        vst1q_u16(sums[one] + 8, a1);
        vst1q_u16(sums[one] + 16, b0);
        vst1q_u16(sums[one] + 24, b1);
    }
}

#endif

/* ---------------------------------------------------------------- the product with a fine code */

static int32_t product_plain(const uint8_t *code, const int8_t *probe, int64_t size) {
    int32_t sum = 0;
    for (int64_t at = 0; at < size; at += LANES, code += LANES)
        for (int part = 0; part < 4; part++, probe += LANES)
            for (int i = 0; i < LANES; i++) sum += probe[i] * (code[i] >> (2 * part) & 3);
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline int32_t product_avx2(
    const uint8_t *code, const int8_t *probe, int64_t size) {
    const __m256i two = _mm256_set1_epi8(3), one = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    for (int64_t at = 0; at < size; at += LANES, probe += 4 * LANES) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)(code + at)), part = _mm256_setzero_si256();
        for (int i = 0; i < 4; i++) {
            __m256i of = _mm256_loadu_si256((const __m256i *)(probe + i * LANES));
            part = _mm256_add_epi16(part, _mm256_maddubs_epi16(_mm256_and_si256(bits, two), of));
            bits = _mm256_srli_epi16(bits, 2);
        }
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(part, one));
    }
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
    return _mm_cvtsi128_si32(half);
}
#endif

/* ---------------------------------------------------------------- the best so far */

static void push(struct probe *probe, float score, int64_t id) {
    float *scores = probe->scores;
    int64_t *ids = probe->ids, at;
    if (probe->held < probe->most) {
        at = probe->held++;
        while (at > 0) {
            int64_t parent = (at - 1) / 2;
            if (scores[parent] <= score) break;
            scores[at] = scores[parent];
            ids[at] = ids[parent];
            at = parent;
        }
    } else {
        at = 0;
        for (;;) {
            int64_t child = 2 * at + 1;
            if (child >= probe->most) break;
            if (child + 1 < probe->most && scores[child + 1] < scores[child]) child++;
            if (scores[child] >= score) break;
            scores[at] = scores[child];
            ids[at] = ids[child];
            at = child;
        }
    }
    scores[at] = score;
    ids[at] = id;
    if (probe->held == probe->most) {
        float cut = floorf((scores[0] - probe->margin) * probe->slope + probe->offset);
        probe->cut = cut < 0 ? 0 : cut > 65535 ? 65535 : (int64_t)cut;
    }
}

static inline int is_among(const struct about *about, const struct probe *probe) {
    return about->day >= probe->first_day && about->day <= probe->last_day && about->id > probe->after;
}

static inline uint32_t reaching(const uint16_t *sums, int64_t cut) {
    uint32_t mask = 0;
    for (int lane = 0; lane < BLOCK; lane++) mask |= (uint32_t)(sums[lane] >= cut) << lane;
    return mask;
}

/* The faces of a group that may be among the best are found first, and looked at after the next group, or the next
   probe: their fine codes are fetched meanwhile. */
struct waiting {
    int64_t slots[GROUP * BLOCK];
    uint16_t coarse[GROUP * BLOCK];
    struct probe *probe;
    int many;
};

#define COMPARE(name, attributes, add, reach, product)                                                             \
    attributes static void name##_looks(const struct faces *faces, struct waiting *waiting, int64_t fine) {        \
        struct probe *probe = waiting->probe;                                                                      \
        for (int at = 0; at < waiting->many; at++) {                                                               \
            const struct about *about = faces->about + waiting->slots[at];                                         \
            if (waiting->coarse[at] < probe->cut || !is_among(about, probe)) continue;                             \
            float sum = waiting->coarse[at] * probe->coarse_step + probe->bias;                                    \
            sum += product(faces->fine + waiting->slots[at] * fine, probe->fine, fine) * probe->fine_step;         \
            float score = sum * about->scale;                                                                      \
            if (probe->held < probe->most || score > probe->scores[0]) push(probe, score, about->id);              \
            probe->looked++;                                                                                       \
        }                                                                                                          \
        waiting->many = 0;                                                                                         \
    }                                                                                                              \
    attributes static void name(const struct faces *faces, int64_t first, int64_t last, struct probe *probes,      \
                                int64_t count, int64_t columns) {                                                  \
        int64_t size = columns * WIDTH, fine = row(columns);                                                       \
        struct waiting waiting[2][2];                                                                              \
        int now = 0;                                                                                               \
        for (int pair = 0; pair < 2; pair++) waiting[pair][0].many = waiting[pair][1].many = 0;                    \
        uint16_t sums[2][BLOCK];                                                                                   \
        for (int64_t group = first; group < last; group += GROUP) {                                                \
            int64_t end = group + GROUP < last ? group + GROUP : last;                                             \
            for (int64_t number = 0; number < count; number += 2) {                                                \
                int many = number + 1 < count ? 2 : 1;                                                             \
                const uint8_t *tables[2] = {probes[number].coarse, probes[number + many - 1].coarse};              \
                for (int one = 0; one < many; one++) waiting[now][one].probe = probes + number + one;              \
                for (int64_t block = group; block < end; block++) {                                                \
                    const uint8_t *codes = faces->coarse + block * size;                                           \
                    add(codes, number == 0, tables, many, columns, sums);                                          \
                    for (int one = 0; one < many; one++) {                                                         \
                        struct waiting *found = waiting[now] + one;                                                \
                        for (uint32_t mask = reach(sums[one], found->probe->cut); mask; mask &= mask - 1) {        \
                            int lane = __builtin_ctz(mask);                                                        \
                            int64_t slot = block * BLOCK + lane;                                                   \
                            if (slot >= faces->count) break;                                                       \
                            __builtin_prefetch(faces->fine + slot * fine);                                         \
                            __builtin_prefetch(faces->about + slot);                                               \
                            found->coarse[found->many] = sums[one][lane];                                          \
                            found->slots[found->many++] = slot;                                                    \
                        }                                                                                          \
                    }                                                                                              \
                }                                                                                                  \
                now = !now;                                                                                        \
                for (int one = 0; one < 2; one++)                                                                  \
                    if (waiting[now][one].many) name##_looks(faces, waiting[now] + one, fine);                     \
            }                                                                                                      \
        }                                                                                                          \
        now = !now;                                                                                                \
        for (int one = 0; one < 2; one++)                                                                          \
            if (waiting[now][one].many) name##_looks(faces, waiting[now] + one, fine);                             \
    }

COMPARE(compare_plain, , add_plain, reaching, product_plain)

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline uint32_t reaching_avx2(const uint16_t *sums, int64_t cut) {
    const __m256i least = _mm256_set1_epi16((short)cut);
    __m256i a = _mm256_loadu_si256((const __m256i *)sums), b = _mm256_loadu_si256((const __m256i *)(sums + 16));
    a = _mm256_cmpeq_epi16(_mm256_max_epu16(a, least), a);
    b = _mm256_cmpeq_epi16(_mm256_max_epu16(b, least), b);
    __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
    return (uint32_t)_mm256_movemask_epi8(both);
}
COMPARE(compare_fast, __attribute__((target("avx2"))), add_avx2, reaching_avx2, product_avx2)
#elif defined(__aarch64__)
COMPARE(compare_fast, , add_neon, reaching, product_plain)
#endif

/* ---------------------------------------------------------------- what Python calls */

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Whether this processor has the instructions of compare_fast. */
EXPORTED int lineament_is_fast(void) {
#if defined(__x86_64__)
    unsigned int a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) != 6) return 0; /* the system keeps the wide registers */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) != 0;
#elif defined(__aarch64__)
    return 1;
#else
    return 0;
#endif
}

/* Compare the faces of blocks from `first` up to `last` with probes; each probe's heap goes on from where it is. */
EXPORTED void lineament_compare(const struct faces *faces, int64_t first, int64_t last, struct probe *probes,
                                int64_t count, int64_t columns, int plainly) {
#if defined(__x86_64__) || defined(__aarch64__)
    if (!plainly && lineament_is_fast()) {
        compare_fast(faces, first, last, probes, count, columns);
        return;
    }
#endif
    (void)plainly;
    compare_plain(faces, first, last, probes, count, columns);
}

static int level(float value) {
    float at = floorf(value / STEP);
    return (at < -8 ? -8 : at > 7 ? 7 : (int)at) + 8;
}

/* Code vectors into slots from `slot` on, which were never used or are cleared. */
EXPORTED void lineament_encode(
    const struct faces *faces, int64_t slot, const float *vectors, int64_t count, int64_t dimension, int64_t columns) {
    const float root = sqrtf((float)dimension);
    for (int64_t face = 0; face < count; face++, slot++, vectors += dimension) {
        int64_t lane = slot % BLOCK, shift = lane < 16 ? 0 : 4;
        uint8_t *coarse = faces->coarse + slot / BLOCK * columns * WIDTH + lane % 16;
        uint8_t *fine = faces->fine + slot * row(columns);
        float sum = 0;
        for (int64_t at = 0; at < dimension; at++) {
            float value = vectors[at] * root;
            int of = level(value);
            coarse[at / 2 * WIDTH] |= (uint8_t)((of >> 2) << (2 * (at % 2)) << shift);
            fine[at / 128 * LANES + at % LANES] |= (uint8_t)((of & 3) << (at % 128 / LANES * 2));
            sum += ((float)of - 7.5f) * STEP * value;
        }
        faces->about[slot].scale = root / sum;
    }
}

/* Clear the codes of a slot that is used no more. */
EXPORTED void lineament_clear(const struct faces *faces, int64_t slot, int64_t columns) {
    int64_t lane = slot % BLOCK;
    uint8_t *coarse = faces->coarse + slot / BLOCK * columns * WIDTH + lane % 16, others = lane < 16 ? 0xf0 : 0x0f;
    for (int64_t column = 0; column < columns; column++) coarse[column * WIDTH] &= others;
    memset(faces->fine + slot * row(columns), 0, (size_t)row(columns));
    memset(faces->about + slot, 0, sizeof *faces->about);
}

/* Move the face in a slot of `from` to a slot of `to`, in the place of the one there; the slot it leaves is cleared. */
EXPORTED void lineament_move(
    const struct faces *to, int64_t slot, const struct faces *from, int64_t last, int64_t columns) {
    lineament_clear(to, slot, columns);
    int64_t lane = last % BLOCK, taken = lane < 16 ? 0 : 4, place = last / BLOCK * columns * WIDTH + lane % 16;
    int64_t put = slot % BLOCK, shift = put < 16 ? 0 : 4, target = slot / BLOCK * columns * WIDTH + put % 16;
    for (int64_t at = 0; at < columns * WIDTH; at += WIDTH)
        to->coarse[target + at] |= (uint8_t)((from->coarse[place + at] >> taken & 15) << shift);
    memcpy(to->fine + slot * row(columns), from->fine + last * row(columns), (size_t)row(columns));
    to->about[slot] = from->about[last];
    lineament_clear(from, last, columns);
}

/* Count the faces that may be in an answer to a probe. */
EXPORTED int64_t lineament_count(const struct faces *faces, const struct probe *probe) {
    int64_t found = 0;
    for (int64_t slot = 0; slot < faces->count; slot++) found += is_among(faces->about + slot, probe);
    return found;
}

static float value_of(const float *vector, int64_t dimension, int64_t column, int entry) {
    float value = 0;
    for (int part = 0; part < 2 && 2 * column + part < dimension; part++)
        value += vector[2 * column + part] * ((float)(entry >> (2 * part) & 3) - 1.5f) * 4 * STEP;
    return value;
}

/* Fill the tables of a probe, turned as the faces are, and what belongs to them. `spread` is how many standard
   deviations of its error the coarse code may be wrong; `fine` is zero from the last dimension on. */
EXPORTED void lineament_prepare(struct probe *probe, const float *vector, int64_t dimension, int64_t columns,
                                float spread, uint8_t *coarse, int8_t *fine) {
    float root = sqrtf((float)dimension), widest = 0, highest = 0, left = 0, total = 0;
    for (int64_t column = 0; column < columns; column++) /* entries 0 and 15 are the ends if the signs are alike */
        widest = fmaxf(widest, 2 * fmaxf(fabsf(value_of(vector, dimension, column, 15)),
                                         fabsf(value_of(vector, dimension, column, 12))));
    for (int64_t at = 0; at < dimension; at++) highest = fmaxf(highest, fabsf(vector[at]));
    probe->coarse_step = widest > 0 ? widest / MOST : 1;
    for (int64_t column = 0; column < columns; column++) {
        float low = -fmaxf(fabsf(value_of(vector, dimension, column, 15)),
                           fabsf(value_of(vector, dimension, column, 12)));
        for (int entry = 0; entry < WIDTH; entry++)
            coarse[column * WIDTH + entry] =
                (uint8_t)((value_of(vector, dimension, column, entry) - low) / probe->coarse_step + 0.5f);
        left += low;
    }
    float unit = highest > 0 ? highest / 127 : 1;
    for (int64_t at = 0; at < dimension; at++) {
        fine[at] = (int8_t)lrintf(vector[at] / unit);
        total += fine[at];
    }
    probe->coarse = coarse;
    probe->fine = fine;
    probe->fine_step = STEP * unit;
    probe->bias = left - 1.5f * STEP * unit * total;
    probe->slope = root * PRODUCT / probe->coarse_step;
    probe->offset = -left / probe->coarse_step;
    probe->margin = spread * sqrtf(ERROR) / root;
}
