// What Embedded Swift expects to find below itself, and what a CosmWasm host expects of every contract.
//
// Deterministic: no clock, no randomness, no floats, no state but the heap. Freestanding: no header is included.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef __SIZE_TYPE__ size_t;
typedef unsigned __int128 u128;

// --- Memory

void *memcpy(void *to, const void *from, size_t count) {
  u8 *target = to;
  const u8 *source = from;
  if ((((u32)target | (u32)source) & 3) == 0) {
    for (; count >= 4; count -= 4, target += 4, source += 4) *(u32 *)target = *(const u32 *)source;
  }
  while (count--) *target++ = *source++;
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  u8 *target = to;
  const u8 *source = from;
  if (target <= source || target >= source + count) return memcpy(to, from, count);
  while (count--) target[count] = source[count];
  return to;
}

void *memset(void *to, int value, size_t count) {
  u8 *target = to;
  while (count--) *target++ = (u8)value;
  return to;
}

int memcmp(const void *left, const void *right, size_t count) {
  const u8 *a = left, *b = right;
  for (; count--; a++, b++) {
    if (*a != *b) return *a < *b ? -1 : 1;
  }
  return 0;
}

// --- Allocation: free lists by size. Sizes go up in quarters of a power of two, so that at most a fifth of a
// block is unused; taking and giving back are O(1). A block is [its class: u32][0: u32][16-aligned bytes].

enum { headerSize = 8, alignment = 16, pageSize = 65536, classCount = 108 };

extern u8 __heap_base;
static u32 heapNext, heapEnd;
static u32 freeBlocks[classCount];

/// The size of blocks of a class: 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, …
static u32 sizeOfClass(u32 index) {
  if (index < 4) return (index + 1) * 16;
  u32 power = (index - 4) / 4, quarter = (index - 4) % 4;
  return (5 + quarter) << (4 + power);
}

static u32 classOfSize(u32 size) {
  if (size <= 64) return size <= 16 ? 0 : (size - 1) / 16;
  u32 power = 31 - (u32)__builtin_clz(size - 1) - 6;
  return 4 + power * 4 + (((size - 1) >> (4 + power)) & 3);
}

static u8 *take(u32 size) {
  // More than this never fits the memory of a host.
  if (size > 0x40000000) return 0;
  u32 index = classOfSize(size);
  if (freeBlocks[index]) {
    u8 *block = (u8 *)freeBlocks[index];
    freeBlocks[index] = *(u32 *)block;
    return block;
  }
  if (!heapNext) {
    heapNext = ((u32)&__heap_base + headerSize + alignment - 1) & ~(u32)(alignment - 1);
    heapEnd = (u32)__builtin_wasm_memory_size(0) * pageSize;
  }
  // Room for the block and for the header of the next one; blocks keep 16-byte distances of multiples of 16.
  u32 step = (sizeOfClass(index) + headerSize + alignment - 1) & ~(u32)(alignment - 1);
  if (step > 0xffff0000 - heapNext) return 0;
  u32 end = heapNext + step;
  if (end > heapEnd) {
    u32 pages = (end - heapEnd + pageSize - 1) / pageSize;
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return 0;
    heapEnd += pages * pageSize;
  }
  u8 *block = (u8 *)heapNext;
  heapNext = end;
  *(u32 *)(block - headerSize) = index;
  return block;
}

static void giveBack(u8 *block) {
  u32 index = *(u32 *)(block - headerSize);
  if (index >= classCount) __builtin_trap();
  *(u32 *)block = freeBlocks[index];
  freeBlocks[index] = (u32)block;
}

int posix_memalign(void **block, size_t boundary, size_t size) {
  if (boundary > alignment) return 22;  // EINVAL: nothing here wants more.
  *block = take(size ? size : 1);
  return *block ? 0 : 12;  // ENOMEM
}

void *malloc(size_t size) { return take(size ? size : 1); }

void free(void *block) {
  if (block) giveBack(block);
}

// --- What hosts call

__attribute__((export_name("interface_version_8"))) void interface_version_8(void) {}

typedef struct { u32 offset, capacity, length; } Region;

/// A region with its bytes behind it, in one block; 0 when there is no memory for it.
__attribute__((export_name("allocate"))) Region *causeway_allocate(u32 size) {
  if (size > 0x3fffffff) return 0;
  Region *region = (Region *)take(size + (u32)sizeof(Region));
  if (!region) return 0;
  region->offset = (u32)region + (u32)sizeof(Region);
  region->capacity = size;
  region->length = 0;
  return region;
}

__attribute__((export_name("deallocate"))) void causeway_deallocate(Region *region) {
  if (region) giveBack((u8 *)region);
}

/// Seeds of hashers: the same in every run.
void arc4random_buf(void *to, size_t count) { memset(to, 0x5a, count); }

// --- 128-bit integers

u128 __multi3(u128 left, u128 right) {
  u64 a = (u64)left, b = (u64)right;
  u64 a0 = (u32)a, a1 = a >> 32, b0 = (u32)b, b1 = b >> 32;
  u64 low = a0 * b0;
  u64 middle = a1 * b0 + (low >> 32);
  u64 other = a0 * b1 + (u32)middle;
  u64 high = a1 * b1 + (middle >> 32) + (other >> 32);
  high += (u64)(left >> 64) * b + a * (u64)(right >> 64);
  return ((u128)high << 64) | ((other << 32) | (u32)low);
}

static u128 divide(u128 dividend, u128 divisor, u128 *remainder) {
  if (!divisor) __builtin_trap();
  if (!(u64)(dividend >> 64) && !(u64)(divisor >> 64)) {
    *remainder = (u64)dividend % (u64)divisor;
    return (u64)dividend / (u64)divisor;
  }
  u128 quotient = 0, rest = 0;
  for (int bit = 127; bit >= 0; bit--) {
    int carry = (int)(rest >> 127);
    rest = (rest << 1) | ((dividend >> bit) & 1);
    if (carry || rest >= divisor) {
      rest -= divisor;
      quotient |= (u128)1 << bit;
    }
  }
  *remainder = rest;
  return quotient;
}

u128 __udivti3(u128 dividend, u128 divisor) {
  u128 remainder;
  return divide(dividend, divisor, &remainder);
}

u128 __umodti3(u128 dividend, u128 divisor) {
  u128 remainder;
  divide(dividend, divisor, &remainder);
  return remainder;
}

u128 __ashlti3(u128 value, int count) {
  u64 low = (u64)value, high = (u64)(value >> 64);
  if (count & 64) {
    high = low << (count & 63);
    low = 0;
  } else if (count) {
    high = (high << count) | (low >> (64 - count));
    low <<= count;
  }
  return ((u128)high << 64) | low;
}

u128 __lshrti3(u128 value, int count) {
  u64 low = (u64)value, high = (u64)(value >> 64);
  if (count & 64) {
    low = high >> (count & 63);
    high = 0;
  } else if (count) {
    low = (low >> count) | (high << (64 - count));
    high >>= count;
  }
  return ((u128)high << 64) | low;
}
