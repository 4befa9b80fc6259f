/** Vector indexes side by side: the same vectors, the same machine, the same run. */
package io.engram.benchmarks.index;
