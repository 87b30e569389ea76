// Linear layers of int8 weights on int8 activations. The sums are exact in int32, whatever their order; the float32
// work after them is the same for every kernel. Included once per instruction set, after `lanes.h` and `dots_*.h`.

constexpr int TILE = 64 * 16;

INLINE int padded(int count, int to) { return (count + to - 1) / to * to; }

// Rows of activations as int8, each with its scale: value = byte * scale. `shift` is added to each byte, for kernels
// that multiply unsigned by signed bytes.
struct Bytes {
    int8_t* rows;
    float* scales;
    size_t stride;  // a multiple of 64
};

// One row of `size` numbers, padded with zeros to whole lanes, as bytes. The largest magnitude becomes 127.
INLINE void quantise(const float* x, int size, int8_t* to, float* scale, int stride, int shift) {
    Lanes most = all(0.0f);
    int lanes = padded(size, 16);
    for (int j = 0; j < lanes; j += 16) most = larger(magnitude(load(x + j)), most);
    float largest = folded_max(most);
    bool nothing = !(largest > 1e-30f);
    *scale = nothing ? 0.0f : largest / 127.0f;
    Lanes by = all(nothing ? 0.0f : 127.0f / largest);
    typedef int8_t NativeBytes __attribute__((vector_size(LANES_AT_ONCE)));
    for (int j = 0; j < lanes; j += 16) {
        Ints n = to_int(nearest(load(x + j) * by));
        EACH_PART {
            NativeBytes b = __builtin_convertvector(n.part[i] + shift, NativeBytes);
            __builtin_memcpy(to + j + i * LANES_AT_ONCE, &b, sizeof b);
        }
    }
    for (int j = lanes; j < stride; j++) to[j] = static_cast<int8_t>(shift);
}

struct Target {
    float* out;
    size_t stride;         // between rows of `out`
    int activation;
    const float* residual;  // added at the end, with the same stride, or null
};

INLINE void finish(const Linear& layer, int block, const Ints& sums, float scale, const Target& to, int row) {
    Lanes y = (to_float(sums) * load(layer.scales + block * 16)) * all(scale);
    if (layer.biases) y = y + load(layer.biases + block * 16);
    y = activate(y, to.activation);
    int left = layer.outputs - block * 16;
    float* out = to.out + row * to.stride + block * 16;
    if (left >= 16) {
        if (to.residual) y = y + load(to.residual + row * to.stride + block * 16);
        store(out, y);
    } else {
        if (to.residual) y = y + load_first(to.residual + row * to.stride + block * 16, left, 0.0f);
        store_first(out, y, left);
    }
}

#ifdef WITH_TILES
#include "tiles_amx.h"
#endif

template <int R, int C>
INLINE void rows_by_blocks(const Linear& layer, const Bytes& x, int row, int block, const Target& to) {
    Ints sums[R][C];
    dots<R, C>(layer, x.rows + row * x.stride, x.stride, block, sums);
    for (int c = 0; c < C; c++)
        for (int r = 0; r < R; r++) finish(layer, block + c, sums[r][c], x.scales[row + r], to, row + r);
}

template <int C>
INLINE void all_rows(const Linear& layer, const Bytes& x, int rows, int block, const Target& to) {
    constexpr int MOST = C > 2 ? 4 : MOST_ROWS;
    int row = 0;
    for (; row + MOST <= rows; row += MOST) rows_by_blocks<MOST, C>(layer, x, row, block, to);
    if (MOST > 4)
        for (; row + 4 <= rows; row += 4) rows_by_blocks<4, C>(layer, x, row, block, to);
    if (MOST > 2 && row + 2 <= rows) rows_by_blocks<2, C>(layer, x, row, block, to), row += 2;
    if (row < rows) rows_by_blocks<1, C>(layer, x, row, block, to);
}

// The outputs of blocks [first, end) for all rows.
static void linear(const Linear& layer, const Bytes& x, int rows, int first, int end, const Target& to, int shift) {
    (void)shift;
#ifdef WITH_TILES
    if (shift == 0) return linear_tiles(layer, x, rows, first, end, to);
#endif
    int block = first;
#ifdef HAS_ONE
    if (rows == 1) {
        for (Ints sums; block < end; block++) {
            dots_of_one(layer, x.rows, block, sums);
            finish(layer, block, sums, x.scales[0], to, 0);
        }
        return;
    }
#endif
    if (rows <= 4)
        for (; block + 4 <= end; block += 4) all_rows<4>(layer, x, rows, block, to);
    for (; block + 2 <= end; block += 2) all_rows<2>(layer, x, rows, block, to);
    if (block < end) all_rows<1>(layer, x, rows, block, to);
}

// How the activations of a call with so many rows are shifted.
INLINE int shift_for(int rows) {
#ifdef WITH_TILES
    return rows >= LEAST_TILE_ROWS ? 0 : SHIFT;
#else
    (void)rows;
    return SHIFT;
#endif
}
