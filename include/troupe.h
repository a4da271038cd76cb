/* troupe.h - all an application may use
 *
 * Troupe runs supervised workers behind load-balanced capabilities. A service
 * embeds a node (troupe/node.h), writes behaviours (troupe/behaviour.h), which may talk to each
 * other (troupe/actor.h), and calls capabilities by name, in the process (troupe/caller.h) or
 * from another one (troupe/client.h), over a network with keys (troupe/key.h). A program can be
 * a worker of somebody else's node (troupe/worker_process.h). Capabilities with a contract
 * (troupe/contract.h) are called with structs instead of frames: vision, text_to_image,
 * text_embedding, image_embedding, text_to_text. Behaviours are tested with
 * troupe/testkit.h, by which threads of an application talk to actors, too.
 */

#ifndef TROUPE_H
#define TROUPE_H

#include <troupe/actor.h>
#include <troupe/api.h>
#include <troupe/behaviour.h>
#include <troupe/call.h>
#include <troupe/caller.h>
#include <troupe/client.h>
#include <troupe/contract.h>
#include <troupe/image_embedding.h>
#include <troupe/key.h>
#include <troupe/message.h>
#include <troupe/node.h>
#include <troupe/outcome.h>
#include <troupe/status.h>
#include <troupe/testkit.h>
#include <troupe/text_embedding.h>
#include <troupe/text_to_image.h>
#include <troupe/text_to_text.h>
#include <troupe/vision.h>
#include <troupe/worker_process.h>

#endif
