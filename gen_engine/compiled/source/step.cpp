// The compiled step: all layers of a small transformer, of an LSTM or of a head over int8 weights in one call, and draws;
// the same bits from every kernel. Python reaches it through `ctypes`, so nothing here knows Python.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>

#include "team.h"
#include "types.h"
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#endif

// The room of this thread for rows of `size` numbers; it is not made if there is no memory.
static Scratch& scratch(int32_t size) {
    static thread_local Scratch room;
    if (room.is_made() && size <= room.size) return room;
    free(room.dense);
    size_t n = (static_cast<size_t>(size) + 15) / 16 * 16 + 64, blocks = (n + SUMMED - 1) / SUMMED;
    size_t bytes = n * (5 * 4 + sizeof(Ranked)) + 8 * (blocks + 4 * STEPS) + 64;
    void* found = nullptr;
    if (posix_memalign(&found, 64, bytes)) found = nullptr;
    room.dense = static_cast<float*>(found), room.size = size;
    if (!found) return room;
    room.values = room.dense + n, room.spare = room.values + n;
    room.ids = reinterpret_cast<int32_t*>(room.spare + n), room.of_step = room.ids + n;
    room.ranked = reinterpret_cast<Ranked*>(room.of_step + n);
    room.blocks = reinterpret_cast<double*>(room.ranked + n);  // n is a multiple of 16, so it stands at a whole number of 8
    room.steps = room.blocks + blocks;
    return room;
}

#if defined(__FAST_MATH__)
#error "Without -ffast-math: every processor is to give the same bits."
#endif

#define TEXT(...) #__VA_ARGS__
#define PRAGMA(...) _Pragma(TEXT(__VA_ARGS__))
#if defined(__clang__)
#define BEGIN(features) PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define END _Pragma("clang attribute pop")
#else
#define BEGIN(features) _Pragma("GCC push_options") PRAGMA(GCC target(features))
#define END _Pragma("GCC pop_options")
#endif

#define KERNEL generic
#define LANES_AT_ONCE 4
#define DOTS "dots_generic.h"
#include "kernels.h"

#if defined(__x86_64__)
BEGIN("avx2,fma")
#define KERNEL avx2
#define LANES_AT_ONCE 8
#define DOTS "dots_avx2.h"
#include "kernels.h"
END

BEGIN("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#define KERNEL vnni
#define LANES_AT_ONCE 16
#define DOTS "dots_vnni.h"
#include "kernels.h"
END

BEGIN("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,amx-tile,amx-int8")
#define KERNEL amx
#define LANES_AT_ONCE 16
#define DOTS "dots_vnni.h"
#define WITH_TILES
#include "kernels.h"
#undef WITH_TILES
END
#elif defined(__aarch64__)
BEGIN("arch=armv8.2-a+dotprod")
#define KERNEL neon
#define LANES_AT_ONCE 4
#define DOTS "dots_neon.h"
#include "kernels.h"
END
#endif

struct Kernels {
    const char* name;
    bool (*is_here)();
    int (*count)(const void*, int);
    void (*chunk)(const void*, int, int);
    void (*draw)(const void*, int, int);
    int (*count_stages)(const void*, int);
    void (*stages)(const void*, int, int);
    int (*count_lstm)(const void*, int);
    void (*lstm)(const void*, int, int);
    void (*multiply_floats)(const FloatsCall&, int);
    void (*pack_floats)(const FloatsCall&, int);
    bool has_floats;
};

#if defined(__x86_64__)
static bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool has_vnni() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}

// Whether tiles give the same numbers as plain C++, on some layer: told by this very processor.
static bool tiles_agree() {
    constexpr int OUTPUTS = 40, INPUTS = 100, BLOCKS = 3, STRIDE = 128, ROWS = 37;
    alignas(64) static int8_t tiles[BLOCKS * STRIDE * 16], rows[48 * STRIDE];
    static float scales[BLOCKS * 16], by[48], one[ROWS * OUTPUTS], other[ROWS * OUTPUTS];
    static int32_t corrections[BLOCKS * 16];
    uint32_t drawn = 1;
    auto next = [&] { return static_cast<int>((drawn = drawn * 1664525u + 1013904223u) >> 24) % 255 - 127; };
    for (int8_t& tile : tiles) tile = static_cast<int8_t>(next());
    for (int8_t& byte : rows) byte = static_cast<int8_t>(next());
    for (float& scale : scales) scale = static_cast<float>(next()) * 0.01f;
    for (float& scale : by) scale = static_cast<float>(next()) * 0.01f;
    Linear layer{OUTPUTS, INPUTS, tiles, scales, nullptr, corrections};
    generic::linear(layer, {rows, by, STRIDE}, ROWS, 0, BLOCKS, {one, OUTPUTS, generic::NONE, nullptr}, 0);
    amx::linear(layer, {rows, by, STRIDE}, ROWS, 0, BLOCKS, {other, OUTPUTS, amx::NONE, nullptr}, 0);
    return !memcmp(one, other, sizeof one);
}

static bool has_amx() {
    unsigned a, b, c, d;
    if (!has_vnni() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & 1) || !(d >> 25 & 1)) return false;
#if defined(__linux__)
    // The kernel keeps tiles for those processes only that ask: ARCH_REQ_XCOMP_PERM for XTILEDATA.
    static const bool granted = syscall(SYS_arch_prctl, 0x1023, 18) == 0 && tiles_agree();
    return granted;
#else
    return false;
#endif
}
#elif defined(__aarch64__)
static bool has_neon();
#if defined(__linux__)
#include <sys/auxv.h>
static bool has_neon() { return getauxval(AT_HWCAP) >> 20 & 1; }  // HWCAP_ASIMDDP
#else
static bool has_neon() { return true; }  // every Apple processor has it
#endif
#endif
static bool always() { return true; }

// The best first.
#define ALL(name)                                                                                                    \
    name::count, name::chunk, name::draw, name::count_stages, name::stages, name::count_lstm, name::lstm,            \
            name::multiply_floats, name::pack_floats, name::HAS_FLOATS
static const Kernels KERNELS[] = {
#if defined(__x86_64__)
    {"amx", has_amx, ALL(amx)},
    {"vnni", has_vnni, ALL(vnni)},
    {"avx2", has_avx2, ALL(avx2)},
#elif defined(__aarch64__)
    {"neon", has_neon, ALL(neon)},
#endif
    {"generic", always, ALL(generic)},
};

// Shares of the work on floats, which any thread may take.
struct Floats {
    const FloatsCall* call;
    void (*work)(const FloatsCall&, int);
};

static int floats_of(const void* given, int phase) { return phase ? 0 : static_cast<const Floats*>(given)->call->shares; }

static void share_floats(const void* given, int, int index) {
    const Floats& all = *static_cast<const Floats*>(given);
    all.work(*all.call, index);
}

static void run_floats(FloatsCall call, void (*work)(const FloatsCall&, int), int members) {
    call.shares = members < 2 ? 1 : 4 * members;
    const Floats all{&call, work};
    team().run(members, {floats_of, share_floats, &all});
}

// A drawing has one phase.
static int parts_of(const void* given, int phase) { return phase ? 0 : static_cast<const Drawing*>(given)->parts; }

// What one model keeps from call to call.
struct Model {
    Transformer shape;
    Room room{};
    std::mutex alone;
    int32_t tokens = 0;
};

static void* space(size_t bytes) {
    void* found = nullptr;
    if (posix_memalign(&found, 64, bytes ? bytes : 64)) return nullptr;
    memset(found, 0, bytes);
    return found;
}

static void drop(Room& room) {
    free(room.hidden), free(room.wide), free(room.inner), free(room.normed);
    free(room.bytes), free(room.inner_bytes), free(room.scales), free(room.inner_scales);
    room = Room{};
}

// Room for so many tokens; false if there is no memory.
static bool make_room(Model& model, int32_t tokens) {
    if (tokens <= model.tokens) return true;
    model.tokens = tokens;
    drop(model.room);
    Room& room = model.room;
    const Transformer& t = model.shape;
    size_t n = (model.tokens + 15) / 16 * 16;  // AMX reads whole tiles of rows
    room.size = (t.size + 15) / 16 * 16, room.wide_size = (3 * t.size + 15) / 16 * 16;
    room.inner_size = (t.inner + 15) / 16 * 16;
    room.byte_size = (t.size + 63) / 64 * 64, room.inner_byte_size = (t.inner + 63) / 64 * 64;
    room.hidden = static_cast<float*>(space(4 * n * room.size));
    room.normed = static_cast<float*>(space(4 * n * room.size));
    room.wide = static_cast<float*>(space(4 * n * room.wide_size));
    room.inner = static_cast<float*>(space(4 * n * room.inner_size));
    room.bytes = static_cast<int8_t*>(space(n * room.byte_size));
    room.inner_bytes = static_cast<int8_t*>(space(n * room.inner_byte_size));
    room.scales = static_cast<float*>(space(4 * n));
    room.inner_scales = static_cast<float*>(space(4 * n));
    if (room.hidden && room.normed && room.wide && room.inner && room.bytes && room.inner_bytes && room.scales &&
        room.inner_scales)
        return true;
    drop(room);
    model.tokens = 0;
    return false;
}

// Memory for the numbers between the layers of stages and LSTMs. A thread keeps its own, as large as it ever needed.
class Memory {
   public:
    ~Memory() { free(data_); }
    // Memory for so many bytes in all, or null.
    char* take(size_t bytes) {
        if (bytes <= size_) return data_;
        free(data_);
        data_ = static_cast<char*>(space(bytes));
        size_ = data_ ? bytes : 0;
        return data_;
    }

   private:
    char* data_ = nullptr;
    size_t size_ = 0;
};

static thread_local Memory memory;

static size_t whole(size_t count, size_t to) { return (count + to - 1) / to * to; }

// Room for `tokens` rows of at most `widest` numbers, and for the gates of an LSTM of `units`; false if there is none.
static bool make_rows(Rows& room, size_t tokens, size_t widest, size_t rows, size_t units) {
    size_t n = whole(tokens, 16), m = units ? whole(rows, 16) : 0, bytes = whole(widest, 64);  // AMX reads whole tiles
    room.stride = whole(widest, 16);
    size_t sizes[] = {4 * n * room.stride, units ? 16 * n * units : 0, 16 * m * units, n * bytes, m * whole(units, 64), 4 * n, 4 * m};
    size_t all = 0, at[7];
    for (int i = 0; i < 7; i++) at[i] = all, all += whole(sizes[i], 64);
    char* found = memory.take(all);
    if (!found) return false;
    room.wide = reinterpret_cast<float*>(found + at[0]), room.gates = reinterpret_cast<float*>(found + at[1]);
    room.pre = reinterpret_cast<float*>(found + at[2]), room.bytes = reinterpret_cast<int8_t*>(found + at[3]);
    room.hidden_bytes = reinterpret_cast<int8_t*>(found + at[4]), room.scales = reinterpret_cast<float*>(found + at[5]);
    room.hidden_scales = reinterpret_cast<float*>(found + at[6]);
    return true;
}

static bool is_below(int32_t number, int32_t end) { return number >= 0 && number < end; }

// Whether all tokens, positions, rows and pages of a call exist.
static bool is_sound(const Transformer& shape, const Call& call) {
    for (int32_t r = 0; r < call.rows; r++) {
        int32_t length = call.lengths[r], pages = length > 0 ? (length - 1) / PAGE + 1 : 0;
        if (length < 0 || pages > call.most_pages) return false;
        if (pages && !call.pages[static_cast<size_t>(r) * call.most_pages + pages - 1]) return false;
    }
    for (int32_t i = 0; i < call.tokens; i++)
        if (!is_below(call.ids[i], shape.vocabulary) || !is_below(call.places[i], shape.positions) ||
            !is_below(call.row[i], call.rows) || !is_below(call.at[i], call.lengths[call.row[i]]))
            return false;
    for (int32_t i = 0; i < call.wanted; i++)
        if (!is_below(call.chosen[i], call.tokens)) return false;
    return true;
}

extern "C" {
#define EXPORT __attribute__((visibility("default")))

// The name of the kernels at `place` if this processor has them, "" if it has not, null beyond the last.
EXPORT const char* gen_kernel(int place) {
    if (place < 0 || place >= static_cast<int>(sizeof KERNELS / sizeof *KERNELS)) return nullptr;
    return KERNELS[place].is_here() ? KERNELS[place].name : "";
}

EXPORT void* gen_open(const Transformer* shape) {
    Model* model = new (std::nothrow) Model();
    if (model) model->shape = *shape;
    return model;
}

EXPORT void gen_close(void* opened) {
    Model* model = static_cast<Model*>(opened);
    if (model) drop(model->room);
    delete model;
}

// One call of the layers by the kernels at `place` on at most `members` threads; 0, or 1 if there is no memory, or 2 if
// the call speaks of what is not there.
EXPORT int gen_step(void* opened, const Call* call, int place, int members) {
    Model& model = *static_cast<Model*>(opened);
    if (!is_sound(model.shape, *call)) return 2;
    std::lock_guard<std::mutex> alone(model.alone);
    int32_t tokens = call->tokens > call->wanted ? call->tokens : call->wanted;
    if (!make_room(model, tokens)) return 1;
    bool one_each = call->tokens == call->rows;
    for (int32_t i = 0; one_each && i < call->tokens; i++) one_each = call->row[i] == i;
    Job job{&model.shape, call, &model.room, members, one_each};
    team().run(members, {KERNELS[place].count, KERNELS[place].chunk, &job});
    return 0;
}

// One draw for each row by the kernels at `place` on at most `members` threads; 0, or 1 if there is no memory.
EXPORT int gen_draw(Drawing* drawing, int place, int members) {
    int32_t failed = 0;
    drawing->failed = &failed;
    drawing->parts = drawing->rows < 4 * members ? drawing->rows : 4 * members;
    team().run(members, {parts_of, KERNELS[place].draw, drawing});
    return failed;
}

// Whether the kernels at `place` compute layers of floats.
EXPORT int gen_has_floats(int place) { return KERNELS[place].has_floats; }

// The float32 weights [outputs, inputs] of a layer, packed for the kernels at `place`.
EXPORT void gen_pack_floats(const FloatLinear* layer, const float* weights, void* packed, int place, int members) {
    run_floats({layer, 0, 0, weights, static_cast<float*>(packed)}, KERNELS[place].pack_floats, members);
}

// Rows through a layer by the kernels at `place` that packed it.
EXPORT void gen_floats(const FloatLinear* layer, int rows, const float* in, float* out, int place, int members) {
    run_floats({layer, rows, 0, in, out}, KERNELS[place].multiply_floats, members);
}

// One call of stages; as `gen_step`.
EXPORT int gen_stages(const StagesCall* call, int place, int members) {
    size_t widest = 0;
    for (int32_t i = 0; i < call->stages; i++) {
        const Linear& layer = call->stage[i].linear;
        widest = static_cast<size_t>(layer.inputs) > widest ? layer.inputs : widest;
        widest = static_cast<size_t>(layer.outputs) > widest
                         && (i + 1 < call->stages || call->stage[i].normalised) ? layer.outputs : widest;
    }
    StagesJob job{call, Rows{}, members};
    if (!make_rows(job.room, call->rows, widest, 0, 0)) return 1;
    team().run(members, {KERNELS[place].count_stages, KERNELS[place].stages, &job});
    return 0;
}

// One call of an LSTM; as `gen_step`.
EXPORT int gen_lstm(const LstmCall* call, int place, int members) {
    LstmJob job{call, Rows{}, members};
    size_t widest = call->inputs > call->units ? call->inputs : call->units;
    if (!make_rows(job.room, call->tokens, widest, call->rows, call->units)) return 1;
    team().run(members, {KERNELS[place].count_lstm, KERNELS[place].lstm, &job});
    return 0;
}
}
