// One set of kernels, in a namespace of its own. Given: KERNEL (its name), LANES_AT_ONCE, DOTS (the header of its sums).
namespace KERNEL {
#include "lanes.h"
#include DOTS
#include "linear.h"
#include "transformer.h"
#include "stages.h"
#include "recurrent.h"
#include "floats.h"
#include "drawing.h"
}  // namespace KERNEL
#undef KERNEL
#undef LANES_AT_ONCE
#undef DOTS
#undef HAS_ONE
#undef UNROLLED
#undef EACH_PART
#undef INLINE
