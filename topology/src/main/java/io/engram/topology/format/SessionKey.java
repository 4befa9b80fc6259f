package io.engram.topology.format;

import io.engram.schemas.Lane;

/** A session's place: sessions count for each lane by themselves. */
public record SessionKey(String space, Lane lane, String session) {
    /** Reads a key of {@link StoreKeys#session}. */
    public static SessionKey of(byte[] storeKey) {
        return ofSubject(StoreKeys.body(storeKey));
    }

    /** Reads what {@link #subject} wrote. */
    public static SessionKey ofSubject(String subject) {
        int first = subject.indexOf('\0');
        int second = subject.indexOf('\0', first + 1);
        return new SessionKey(
                subject.substring(0, first),
                Lane.ofLabel(subject.substring(first + 1, second)).orElseThrow(),
                subject.substring(second + 1));
    }

    /** How keys of what is due name it: {@code space 00 lane 00 session}. */
    public String subject() {
        return space + '\0' + lane.label() + '\0' + session;
    }
}
