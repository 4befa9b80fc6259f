package io.engram.index;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What makes names of files durable. Stateless. */
public final class Directories {
    private Directories() {}

    /** Forces the names in a directory to the disk: what was made, renamed and deleted in it. */
    public static void force(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
