package io.engram.topology.store;

/** A memory's place: its space and its id. */
public record MemoryKey(String space, String id) {
    static MemoryKey of(byte[] storeKey) {
        String body = StoreKeys.body(storeKey);
        int zero = body.indexOf('\0');
        return new MemoryKey(body.substring(0, zero), body.substring(zero + 1));
    }
}
