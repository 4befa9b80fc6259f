package io.engram.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the operating system keeps of files in memory. Stateless. */
final class PageCache {
    private static final Path DROP = Path.of("/proc/sys/vm/drop_caches");
    private static final int MINOR_LOW = 0xff;
    private static final int MINOR_HIGH_SHIFT = 12;
    private static final int MAJOR_SHIFT = 8;
    private static final int MAJOR = 0xfff;

    private PageCache() {}

    /**
     * Writes everything to the disk and has the system forget it, on the whole machine.
     *
     * @throws BenchmarkException when this process may not, for it is not root
     */
    static void drop() throws InterruptedException {
        try {
            new ProcessBuilder("sync").start().waitFor();
            Files.writeString(DROP, "1");
        } catch (IOException e) {
            throw new BenchmarkException("cannot drop the page cache, which only root may: " + e);
        }
    }

    /** How far the disk under a file reads ahead, or "unknown": a fault in a mapped file reads as much around it. */
    static String readAhead(Path file) {
        try {
            long device = ((Number) Files.getAttribute(file, "unix:dev")).longValue();
            long minor = device & MINOR_LOW | device >> MINOR_HIGH_SHIFT & ~MINOR_LOW;
            Path disk = Path.of("/sys/dev/block/" + (device >> MAJOR_SHIFT & MAJOR) + ":" + minor)
                    .toRealPath();
            // A partition has the queue of its disk.
            Path queue = Files.exists(disk.resolve("queue")) ? disk : disk.getParent();
            return Files.readString(queue.resolve("queue/read_ahead_kb")).trim() + " KiB";
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return "unknown";
        }
    }
}
