# The headers carry plain comments; this lets doxygen see them as documentation.
1s|^/\* \([^ ]*\) - |/** @file \1\n * |
s|^\( *\)/\* \([^-]\)|\1/** \2|
s|\([;,(}] *\)/\*\*\{0,1\} \(.*\) \*/$|\1/**< \2 */|
s|^\(#define .* \)/\* \(.*\) \*/$|\1/**< \2 */|
