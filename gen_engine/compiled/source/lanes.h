// Float32 arithmetic on 16 lanes in one fixed order, so that every instruction set gives the same bits.
//
// Only +, -, *, /, square roots, comparisons and moves of bits are used: IEEE 754 rounds each of them in one way. No
// product is fused with a sum (-ffp-contract=off), and a sum over a row is 16 running sums, folded in halves at the end.
// `arithmetic.py` has the same functions in numpy. This file is included once per instruction set, in a namespace of
// its own, with LANES_AT_ONCE (4, 8 or 16) as the lanes of one register.

typedef float NativeFloat __attribute__((vector_size(LANES_AT_ONCE * 4)));
typedef int32_t NativeInt __attribute__((vector_size(LANES_AT_ONCE * 4)));
constexpr int PARTS = 16 / LANES_AT_ONCE;

struct Lanes {
    NativeFloat part[PARTS];
};
struct Ints {
    NativeInt part[PARTS];
};

#define UNROLLED _Pragma("GCC unroll 16")
#define EACH_PART _Pragma("GCC unroll 4") for (int i = 0; i < PARTS; i++)
#define INLINE static inline __attribute__((always_inline))

INLINE Lanes load(const float* from) {
    Lanes x;
    EACH_PART __builtin_memcpy(&x.part[i], from + i * LANES_AT_ONCE, sizeof x.part[i]);  // one register at a time
    return x;
}
INLINE void store(float* to, const Lanes& x) {
    EACH_PART __builtin_memcpy(to + i * LANES_AT_ONCE, &x.part[i], sizeof x.part[i]);
}
INLINE Lanes all(float value) {
    Lanes x;
    EACH_PART x.part[i] = value - NativeFloat{};
    return x;
}
INLINE Lanes operator+(const Lanes& a, const Lanes& b) {
    Lanes x;
    EACH_PART x.part[i] = a.part[i] + b.part[i];
    return x;
}
INLINE Lanes operator-(const Lanes& a, const Lanes& b) {
    Lanes x;
    EACH_PART x.part[i] = a.part[i] - b.part[i];
    return x;
}
INLINE Lanes operator*(const Lanes& a, const Lanes& b) {
    Lanes x;
    EACH_PART x.part[i] = a.part[i] * b.part[i];
    return x;
}
INLINE Lanes operator/(const Lanes& a, const Lanes& b) {
    Lanes x;
    EACH_PART x.part[i] = a.part[i] / b.part[i];
    return x;
}
INLINE Lanes larger(const Lanes& a, const Lanes& b) {
    Lanes x;
    EACH_PART x.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
    return x;
}
INLINE Lanes magnitude(const Lanes& a) {
    Lanes x;
    EACH_PART x.part[i] = (NativeFloat)((NativeInt)a.part[i] & 0x7fffffff);
    return x;
}
INLINE Lanes to_float(const Ints& a) {
    Lanes x;
    EACH_PART x.part[i] = __builtin_convertvector(a.part[i], NativeFloat);
    return x;
}
INLINE Ints to_int(const Lanes& a) {
    Ints x;
    EACH_PART x.part[i] = __builtin_convertvector(a.part[i], NativeInt);
    return x;
}
// The nearest whole number, ties to even, for numbers below 2^22.
INLINE Lanes nearest(const Lanes& a) {
    const Lanes magic = all(12582912.0f);
    return (a + magic) - magic;
}

// Lane j is `a` where j < count, else `other`.
INLINE Lanes first_lanes(const Lanes& a, int count, float other) {
    float x[16];
    store(x, a);
    for (int j = count; j < 16; j++) x[j] = other;
    return load(x);
}
INLINE Lanes load_first(const float* from, int count, float other) {
    float x[16];
    for (int j = 0; j < 16; j++) x[j] = j < count ? from[j] : other;
    return load(x);
}
INLINE void store_first(float* to, const Lanes& a, int count) {
    float x[16];
    store(x, a);
    for (int j = 0; j < count; j++) to[j] = x[j];
}

INLINE float folded_sum(const Lanes& a) {
    float x[16];
    store(x, a);
    for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; j++) x[j] = x[j] + x[j + half];
    return x[0];
}
INLINE float folded_max(const Lanes& a) {
    float x[16];
    store(x, a);
    for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; j++) x[j] = x[j] > x[j + half] ? x[j] : x[j + half];
    return x[0];
}

// e to the power of x; 0 below -87, and x counts as 88 above it. Cephes' polynomial (S. Moshier).
INLINE Lanes exponential(const Lanes& x) {
    Lanes y;
    EACH_PART {
        NativeFloat v = x.part[i] > 88.0f - NativeFloat{} ? 88.0f - NativeFloat{} : x.part[i];
        NativeInt tiny = v < -87.0f - NativeFloat{};
        v = tiny ? NativeFloat{} : v;
        NativeFloat n = (v * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
        NativeFloat r = (v - n * 0.693359375f) - n * -2.12194440e-4f;
        NativeFloat p = r * 1.9875691500e-4f + 1.3981999507e-3f;
        p = p * r + 8.3334519073e-3f;
        p = p * r + 4.1665795894e-2f;
        p = p * r + 1.6666665459e-1f;
        p = p * r + 5.0000001201e-1f;
        p = (p * (r * r) + r) + 1.0f;
        NativeInt power = (__builtin_convertvector(n, NativeInt) + 127) << 23;
        p = p * (NativeFloat)power;
        y.part[i] = tiny ? NativeFloat{} : p;
    }
    return y;
}
INLINE Lanes hyperbolic_tangent(const Lanes& x) {
    return all(1.0f) - all(2.0f) / (exponential(x + x) + all(1.0f));
}
INLINE Lanes sigmoid(const Lanes& x) { return all(1.0f) / (exponential(all(0.0f) - x) + all(1.0f)); }

INLINE Lanes gelu_tanh(const Lanes& x) {
    Lanes inner = all(0.7978845608f) * (x + all(0.044715f) * (x * x * x));
    return (all(0.5f) * x) * (all(1.0f) + hyperbolic_tangent(inner));
}
// By formula 7.1.26 of Abramowitz and Stegun for the error function; its error is at most 1.5e-7.
INLINE Lanes gelu_erf(const Lanes& x) {
    Lanes z = magnitude(x) * all(0.70710678118f);
    Lanes t = all(1.0f) / (all(1.0f) + all(0.3275911f) * z);
    Lanes p = t * all(1.061405429f) + all(-1.453152027f);
    p = p * t + all(1.421413741f);
    p = p * t + all(-0.284496736f);
    p = p * t + all(0.254829592f);
    Lanes erf = all(1.0f) - (p * t) * exponential(all(0.0f) - z * z);
    EACH_PART erf.part[i] = x.part[i] < NativeFloat{} ? -erf.part[i] : erf.part[i];
    return (all(0.5f) * x) * (all(1.0f) + erf);
}
enum Activation { NONE = 0, GELU_TANH = 1, GELU_ERF = 2, RELU = 3, TANH = 4 };
INLINE Lanes activate(const Lanes& x, int activation) {
    switch (activation) {
        case GELU_TANH: return gelu_tanh(x);
        case GELU_ERF: return gelu_erf(x);
        case RELU: return larger(x, all(0.0f));
        case TANH: return hyperbolic_tangent(x);
        default: return x;
    }
}
