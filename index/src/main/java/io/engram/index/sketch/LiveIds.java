package io.engram.index.sketch;

import java.util.AbstractSet;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** The ids of what is live: a view that may change while it is read. Thread-safe. */
final class LiveIds extends AbstractSet<String> {
    private final Parts parts;
    private final IdHash hash;

    LiveIds(Parts parts, IdHash hash) {
        this.parts = parts;
        this.hash = hash;
    }

    @Override
    public int size() {
        return parts.view().live();
    }

    @Override
    public boolean contains(Object id) {
        return id instanceof String && parts.view().find(hash.key((String) id)).isPresent();
    }

    @Override
    public Iterator<String> iterator() {
        return new Ids(parts.view().all());
    }

    /** Of the segments of one moment. */
    private static final class Ids implements Iterator<String> {
        private final Segment[] segments;
        private int segment;
        private int ordinal;

        Ids(Segment[] segments) {
            this.segments = segments;
        }

        @Override
        public boolean hasNext() {
            while (segment < segments.length) {
                while (ordinal < segments[segment].size()) {
                    if (segments[segment].isLive(ordinal)) {
                        return true;
                    }
                    ordinal++;
                }
                segment++;
                ordinal = 0;
            }
            return false;
        }

        @Override
        public String next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            return segments[segment].id(ordinal++);
        }
    }
}
