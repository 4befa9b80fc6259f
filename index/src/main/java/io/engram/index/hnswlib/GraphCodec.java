package io.engram.index.hnswlib;

import com.github.jelmerk.hnswlib.core.ObjectSerializer;
import com.github.jelmerk.hnswlib.core.hnsw.HnswIndex;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.ObjectInput;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutput;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * The links of a graph as bytes, without what they link: items are left out and kept in the order in which the library
 * meets them, which is the order in which it asks for them again. So the part that must stop inserts stays short.
 */
final class GraphCodec {
    // The library saves itself by Java serialization; nothing but its own and these classes may come out of a file.
    private static final ObjectInputFilter ONLY_GRAPHS = ObjectInputFilter.Config.createFilter(
            "com.github.jelmerk.hnswlib.core.**;io.engram.index.hnswlib.*;java.util.Comparators$NaturalOrderComparator;"
                    + "java.lang.Enum;!*");

    /** Links, and the items that belong between them. */
    record Saved(byte[] links, List<Entry> items) {}

    private GraphCodec() {}

    static Saved save(HnswIndex<String, float[], Entry, Float> index) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 16);
        try (ItemOutput out = new ItemOutput(bytes)) {
            out.writeObject(index);
            out.flush();
            return new Saved(bytes.toByteArray(), out.items);
        }
    }

    /**
     * @throws IOException when the bytes are no graph
     */
    @SuppressWarnings("unchecked")
    static HnswIndex<String, float[], Entry, Float> load(byte[] links, List<Entry> items) throws IOException {
        try (ItemInput in = new ItemInput(new ByteArrayInputStream(links), items)) {
            in.setObjectInputFilter(ONLY_GRAPHS);
            return (HnswIndex<String, float[], Entry, Float>) in.readObject();
        } catch (ClassNotFoundException | RuntimeException e) {
            throw new IOException("not a graph of hnswlib-core: " + e, e);
        }
    }

    /** Ids are small: as text. */
    enum IdSerializer implements ObjectSerializer<String> {
        INSTANCE;

        @Override
        public void write(String id, ObjectOutput out) throws IOException {
            out.writeUTF(id);
        }

        @Override
        public String read(ObjectInput in) throws IOException {
            return in.readUTF();
        }
    }

    /** Writes nothing: the streams below keep and hand out the items. */
    enum ItemSerializer implements ObjectSerializer<Entry> {
        INSTANCE;

        @Override
        public void write(Entry item, ObjectOutput out) {
            ((ItemOutput) out).items.add(item);
        }

        @Override
        public Entry read(ObjectInput in) throws IOException {
            return ((ItemInput) in).next();
        }
    }

    private static final class ItemOutput extends ObjectOutputStream {
        private final List<Entry> items = new ArrayList<>();

        ItemOutput(OutputStream out) throws IOException {
            super(out);
        }
    }

    private static final class ItemInput extends ObjectInputStream {
        private final List<Entry> items;
        private int read;

        ItemInput(ByteArrayInputStream in, List<Entry> items) throws IOException {
            super(in);
            this.items = items;
        }

        Entry next() throws IOException {
            if (read == items.size()) {
                throw new InvalidObjectException("the graph has more nodes than the file has entries");
            }
            return items.get(read++);
        }
    }
}
