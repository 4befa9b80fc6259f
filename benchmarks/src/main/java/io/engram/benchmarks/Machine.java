package io.engram.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.stream.Stream;

/** What a figure was measured on, for the head of a report. */
public final class Machine {
    private static final int IDLE = 4;
    private static final int STEAL = 8;

    private Machine() {}

    /** Date, processor, cores, memory, JDK and kernel. */
    public static String describe() {
        return String.format(
                "%s, %d cores of %s, %s, JDK %s, Linux %s.",
                LocalDate.now(ZoneOffset.UTC),
                Runtime.getRuntime().availableProcessors(),
                field("/proc/cpuinfo", "model name"),
                field("/proc/meminfo", "MemTotal"),
                Runtime.version(),
                System.getProperty("os.version"));
    }

    private static String field(String file, String name) {
        try (Stream<String> lines = Files.lines(Path.of(file))) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).trim())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }

    /**
     * Time that all processors have spent since the machine was started, clock ticks.
     *
     * @param busy for anybody
     * @param all idle or not
     */
    public record Busy(long busy, long all) {
        /** Share of the time since then that the processors were busy, 0 to 1. */
        public double shareSince(Busy earlier) {
            return (double) (busy - earlier.busy) / Math.max(1, all - earlier.all);
        }
    }

    public static Busy busy() throws IOException {
        // cpu user nice system idle iowait irq softirq steal …
        String[] fields = Files.readAllLines(Path.of("/proc/stat")).get(0).split(" +");
        long all = 0;
        for (int i = 1; i <= STEAL; i++) {
            all += Long.parseLong(fields[i]);
        }
        return new Busy(all - Long.parseLong(fields[IDLE]) - Long.parseLong(fields[IDLE + 1]), all);
    }
}
