/** What happens to each record in the stream thread: decode, sequence, duplicate, admission, store, hand-over. */
package io.engram.topology.checks;
