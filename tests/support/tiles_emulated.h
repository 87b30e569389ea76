// AMX tiles in plain C++, for processors without them: included before `step.cpp`, it takes the place of the intrinsics.
// After Intel's "Instruction set extensions programming reference": TDPBSSD adds to each int32 of a tile the products of
// four pairs of signed bytes.
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd

namespace emulated {
static thread_local int8_t tiles[8][16][64];
static thread_local bool configured;
inline void load(int tile, const void* from, long stride) {
    for (int row = 0; row < 16; row++) memcpy(tiles[tile][row], static_cast<const char*>(from) + row * stride, 64);
}
inline void write(int tile, void* to, long stride) {
    for (int row = 0; row < 16; row++) memcpy(static_cast<char*>(to) + row * stride, tiles[tile][row], 64);
}
inline void multiply(int to, int left, int right) {
    if (!configured) __builtin_trap();
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            int32_t sum;
            memcpy(&sum, &tiles[to][m][4 * n], 4);
            for (int k = 0; k < 64; k++) sum += tiles[left][m][k] * tiles[right][k / 4][4 * n + k % 4];
            memcpy(&tiles[to][m][4 * n], &sum, 4);
        }
}
}  // namespace emulated

#define _tile_loadconfig(given) ((void)(given), emulated::configured = true)
#define _tile_release() (emulated::configured = false)
#define _tile_zero(tile) memset(emulated::tiles[tile], 0, 1024)
#define _tile_loadd(tile, from, stride) emulated::load(tile, from, stride)
#define _tile_stored(tile, to, stride) emulated::write(tile, to, stride)
#define _tile_dpbssd(to, left, right) emulated::multiply(to, left, right)
