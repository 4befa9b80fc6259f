/**
 * What is not taken goes to {@code engram-rejected}: the original with headers that say why and where it came from, within
 * the size that the topic takes.
 */
package io.engram.topology.rejection;
