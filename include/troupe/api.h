/* troupe/api.h - export marker, versions */

#ifndef TROUPE_API_H
#define TROUPE_API_H

#define TROUPE_VERSION_MAJOR 0 /* of the headers; troupe_version tells the library's */
#define TROUPE_VERSION_MINOR 1 /* likewise */
#define TROUPE_VERSION_PATCH 0 /* likewise */

/* The layout of everything a behaviour module shares with the library. A module
 * built against another number is refused when it is loaded. */
#define TROUPE_ABI_VERSION 2

#if defined __GNUC__
#define TROUPE_API                 __attribute__((visibility("default")))
#define TROUPE_NODISCARD           __attribute__((warn_unused_result))
#define TROUPE_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define TROUPE_API
#define TROUPE_NODISCARD
#define TROUPE_PRINTF(format, first)
#endif

#ifdef __cplusplus
#define TROUPE_BEGIN_DECLS extern "C" {
#define TROUPE_END_DECLS   }
#else
#define TROUPE_BEGIN_DECLS
#define TROUPE_END_DECLS
#endif

TROUPE_BEGIN_DECLS

/* The version of the library that runs, as MAJOR.MINOR.PATCH. Any thread. */
TROUPE_API const char *troupe_version(void);

TROUPE_END_DECLS

#endif
