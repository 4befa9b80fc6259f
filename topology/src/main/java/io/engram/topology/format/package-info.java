/** The bytes of every key and every stored value, each with its layout and its version; nothing else. */
package io.engram.topology.format;
