package io.engram.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.stream.Stream;

/** What a figure was measured on, for the head of a report. */
public final class Machine {
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
}
