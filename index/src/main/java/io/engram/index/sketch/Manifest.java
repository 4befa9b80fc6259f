package io.engram.index.sketch;

import io.engram.index.DamagedIndexException;
import io.engram.index.HnswParameters;
import io.engram.index.VectorIndex;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * What an index consists of as of its last commit. Big-endian, as {@link DataOutputStream} writes.
 *
 * <pre>
 * 8 magic │ 4 version = {@value #VERSION} │ 4 dimension │ 4 M │ 4 efConstruction │ 16 key of the hash of ids
 * 4 length │ user data
 * 4 segments │ per segment: 8 number of its file │ 4 kind │ 4 entries │ 4 checksum of its header │ 4 dead │ a bit per entry, in longs, when some are dead
 * 4 CRC-32C of all before
 * </pre>
 *
 * @param userData the caller's
 */
record Manifest(int dimension, HnswParameters parameters, IdHash hash, byte[] userData, List<Part> parts) {
    static final int VERSION = 1;

    /** "ENGRAMMF" */
    private static final long MAGIC = 0x454e4752414d4d46L;

    /**
     * A segment.
     *
     * @param number of its file
     * @param kind {@link SegmentHeader#SEALED} or {@link SegmentHeader#OPEN}
     * @param checksum of the header of its file
     * @param dead how many of its entries are removed or replaced
     * @param deadBits a bit for each entry; none when none is dead
     */
    record Part(long number, int kind, int entries, int checksum, int dead, long[] deadBits) {
        /** Bits are set and never cleared. */
        boolean isSame(Part other) {
            return number == other.number && checksum == other.checksum && dead == other.dead;
        }
    }

    /** @throws IllegalArgumentException when there is more user data than a manifest takes */
    Manifest {
        if (userData.length > VectorIndex.MAX_USER_DATA_BYTES) {
            throw new IllegalArgumentException(
                    "user data of " + userData.length + " bytes; a manifest takes " + VectorIndex.MAX_USER_DATA_BYTES);
        }
    }

    /** True when there is nothing to write. */
    boolean isSame(Manifest other) {
        boolean same = parts.size() == other.parts.size() && Arrays.equals(userData, other.userData);
        for (int i = 0; same && i < parts.size(); i++) {
            same = parts.get(i).isSame(other.parts.get(i));
        }
        return same;
    }

    /** @throws DamagedIndexException when the index was built otherwise */
    void requireSame(Path file, int expectedDimension, HnswParameters expected) throws DamagedIndexException {
        if (dimension != expectedDimension || !parameters.equals(expected)) {
            throw damaged(
                    file,
                    dimension + " dimensions and " + parameters + ", expected " + expectedDimension + " and "
                            + expected);
        }
    }

    byte[] encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeLong(MAGIC);
            out.writeInt(VERSION);
            out.writeInt(dimension);
            parameters.write(out);
            out.writeLong(hash.k0());
            out.writeLong(hash.k1());
            out.writeInt(userData.length);
            out.write(userData);
            out.writeInt(parts.size());
            for (Part part : parts) {
                out.writeLong(part.number);
                out.writeInt(part.kind);
                out.writeInt(part.entries);
                out.writeInt(part.checksum);
                out.writeInt(part.dead);
                for (long word : part.deadBits) {
                    out.writeLong(word);
                }
            }
            out.writeInt(crc(bytes.toByteArray(), bytes.size()));
        } catch (IOException e) {
            throw new IllegalStateException("bytes in the heap", e);
        }
        return bytes.toByteArray();
    }

    private static int crc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    /**
     * Reads what {@link #encode} made.
     *
     * @param file for messages
     * @throws DamagedIndexException when it is something else
     */
    static Manifest decode(Path file, byte[] bytes) throws DamagedIndexException {
        if (bytes.length < Long.BYTES + 2 * Integer.BYTES) {
            throw damaged(file, "only " + bytes.length + " bytes in the file");
        }
        try {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            if (in.readLong() != MAGIC) {
                throw damaged(file, "not the manifest of an index");
            }
            int version = in.readInt();
            if (version != VERSION) {
                throw damaged(file, "format version " + version + ", this release reads " + VERSION);
            }
            DataInputStream end =
                    new DataInputStream(new ByteArrayInputStream(bytes, bytes.length - Integer.BYTES, Integer.BYTES));
            if (end.readInt() != crc(bytes, bytes.length - Integer.BYTES)) {
                throw damaged(file, "checksum does not match");
            }
            return decode(in);
        } catch (DamagedIndexException e) {
            throw e;
        } catch (IOException | IllegalArgumentException e) {
            throw damaged(file, "impossible: " + e.getMessage());
        }
    }

    private static Manifest decode(DataInputStream in) throws IOException {
        int dimension = in.readInt();
        HnswParameters parameters = new HnswParameters(in.readInt(), in.readInt());
        IdHash hash = new IdHash(in.readLong(), in.readLong());
        byte[] userData = in.readNBytes(in.readInt());
        int count = in.readInt();
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long number = in.readLong();
            int kind = in.readInt();
            int entries = in.readInt();
            int checksum = in.readInt();
            int dead = in.readInt();
            if (entries < 0 || entries > Beam.MAX_NODES) {
                throw new IOException("a segment of " + entries + " entries");
            }
            long[] bits = new long[dead == 0 ? 0 : DeadEntries.wordsFor(entries)];
            for (int word = 0; word < bits.length; word++) {
                bits[word] = in.readLong();
            }
            parts.add(new Part(number, kind, entries, checksum, dead, bits));
        }
        return new Manifest(dimension, parameters, hash, userData, parts);
    }

    static DamagedIndexException damaged(Path file, String what) {
        return new DamagedIndexException(
                file,
                "manifest",
                what,
                "Delete the directory " + file.getParent() + "; the index is built anew from the store");
    }
}
