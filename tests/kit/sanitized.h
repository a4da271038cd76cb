/* tests/kit/sanitized.h - whether this build is a sanitizer's, whichever compiler made it */

#ifndef TROUPE_TESTS_KIT_SANITIZED_H
#define TROUPE_TESTS_KIT_SANITIZED_H

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define TR_TEST_MEMORY_SANITIZED 1
#endif
#if __has_feature(thread_sanitizer)
#define TR_TEST_THREAD_SANITIZED 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#define TR_TEST_MEMORY_SANITIZED 1
#endif
#ifdef __SANITIZE_THREAD__
#define TR_TEST_THREAD_SANITIZED 1
#endif

#if defined TR_TEST_MEMORY_SANITIZED || defined TR_TEST_THREAD_SANITIZED
#define TR_TEST_SANITIZED 1
#endif

#endif
