/** The engine over jelmerk's hnswlib-core: the reference that other engines are measured against. */
package io.engram.index.hnswlib;
