package io.engram.index.sketch;

import java.util.OptionalLong;

/** An open segment, where its ids are, and which of its entries are in a file as of the last commit. */
final class OpenPart {
    private static final long NO_FILE = -1;

    /** Of the string of an id and its bytes, without its characters. */
    private static final int ID_BYTES = 48;

    /** Of a file, without its codes, sketches and ids: links, generation, step, share of the table. */
    private static final int ENTRY_FILE_BYTES = 200;

    private final OpenSegment segment;
    private final IdTable ids;
    private final long entryFileBytes;
    private volatile long idBytes;
    private long savedNumber = NO_FILE;
    private int savedEntries;
    private int savedChecksum;

    private OpenPart(OpenSegment segment, long fileBytes) {
        this.segment = segment;
        this.ids = new IdTable(segment);
        this.entryFileBytes = fileBytes;
    }

    /** With the entries that the segment has. */
    static OpenPart of(OpenSegment segment, IdHash hash) {
        OpenPart part = new OpenPart(
                segment, segment.dimension() + (long) Long.BYTES * segment.sketchWords() + ENTRY_FILE_BYTES);
        for (int ordinal = 0; ordinal < segment.size(); ordinal++) {
            part.put(hash.key(segment.id(ordinal)), ordinal);
        }
        return part;
    }

    OpenSegment segment() {
        return segment;
    }

    int find(IdHash.Key key) {
        return ids.find(key);
    }

    /** Appends an entry; with the segment's lock. */
    void append(IdHash.Key key, long generation, float[] unit, Scratch scratch) {
        put(key, segment.append(key.id(), generation, unit, scratch));
    }

    private void put(IdHash.Key key, int ordinal) {
        ids.put(key, ordinal);
        idBytes = idBytes + key.utf8().length;
    }

    /** What a file of it takes, about. */
    long fileBytes() {
        return segment.size() * entryFileBytes + idBytes;
    }

    long memoryBytes() {
        return segment.memoryBytes() + ids.memoryBytes() + idBytes + (long) ID_BYTES * segment.size();
    }

    /** Notes the file that holds the first so many entries. */
    void saved(long number, int entries, int checksum) {
        savedNumber = number;
        savedEntries = entries;
        savedChecksum = checksum;
    }

    /** The file that was noted; empty when there is none. */
    OptionalLong savedNumber() {
        return savedNumber == NO_FILE ? OptionalLong.empty() : OptionalLong.of(savedNumber);
    }

    /** The file that was noted is of no use: the next commit writes another. */
    void forgetFile() {
        savedNumber = NO_FILE;
    }

    /** True when the file that was noted holds all entries. */
    boolean isSaved() {
        return savedNumber != NO_FILE && savedEntries == segment.size();
    }

    /** For a manifest: the file that was noted and what is dead of it now. */
    Manifest.Part saved(int dead, long[] deadBits) {
        return new Manifest.Part(savedNumber, SegmentHeader.OPEN, savedEntries, savedChecksum, dead, deadBits);
    }
}
