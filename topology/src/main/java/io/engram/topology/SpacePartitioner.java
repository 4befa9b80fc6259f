package io.engram.topology;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Utils;

/** Which partition a space lives on: murmur2 of the key, as Java producers do by default. */
public final class SpacePartitioner {
    private SpacePartitioner() {}

    /** The partition of a record key among {@code partitions}. */
    public static int partition(byte[] key, int partitions) {
        return Utils.toPositive(Utils.murmur2(key)) % partitions;
    }

    /** The partition of a space among {@code partitions}. */
    public static int partition(String space, int partitions) {
        return partition(space.getBytes(StandardCharsets.UTF_8), partitions);
    }
}
