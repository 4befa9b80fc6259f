package io.engram.topology.store;

import io.engram.schemas.Lane;

/** A session's place: sessions count for each lane by themselves. */
public record SessionKey(String space, Lane lane, String session) {
    static SessionKey of(byte[] storeKey) {
        String body = StoreKeys.body(storeKey);
        int first = body.indexOf('\0');
        int second = body.indexOf('\0', first + 1);
        return new SessionKey(
                body.substring(0, first),
                Lane.ofLabel(body.substring(first + 1, second)).orElseThrow(),
                body.substring(second + 1));
    }
}
