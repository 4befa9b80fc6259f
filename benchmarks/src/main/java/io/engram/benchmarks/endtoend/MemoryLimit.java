package io.engram.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A memory cgroup (version 1) in which processes are started: heap, native memory and the page cache of the files that they
 * read are limited together.
 */
final class MemoryLimit implements AutoCloseable {
    /** Says that there is none. */
    static final String NONE = "none";

    private static final Path ROOT = Path.of("/sys/fs/cgroup/memory");
    private static final Pattern BYTES = Pattern.compile("\\d+[kKmMgG]?");

    private final Optional<Path> group;

    private MemoryLimit(Optional<Path> group) {
        this.group = group;
    }

    /**
     * Makes one, of this process's own name.
     *
     * @param limit bytes, with k, m or g for as many KiB, MiB or GiB; or {@value #NONE}
     * @throws BenchmarkException when it cannot be made
     */
    static MemoryLimit of(String limit) {
        if (limit.equals(NONE)) {
            return new MemoryLimit(Optional.empty());
        }
        if (!BYTES.matcher(limit).matches()) {
            throw new BenchmarkException("--memory-limit is " + limit + "; give bytes, e.g. 3g, or " + NONE);
        }
        Path group = ROOT.resolve("engram-bench-" + ProcessHandle.current().pid());
        try {
            Files.createDirectory(group);
        } catch (IOException e) {
            throw cannotBeMade(group, e);
        }
        MemoryLimit made = new MemoryLimit(Optional.of(group));
        try {
            Files.writeString(group.resolve("memory.limit_in_bytes"), limit);
        } catch (IOException e) {
            made.close();
            throw cannotBeMade(group, e);
        }
        return made;
    }

    private static BenchmarkException cannotBeMade(Path group, IOException cause) {
        return new BenchmarkException("cannot limit memory by " + group
                + ", for which this has to be root on a system with version 1 of memory cgroups; --memory-limit=" + NONE
                + " goes without: " + cause);
    }

    /** What is to stand before a command, so that its process is in here from its start. */
    List<String> launcher() {
        return group.map(
                        path -> List.of("/bin/sh", "-c", "echo $$ > '" + path + "/cgroup.procs' && exec \"$0\" \"$@\""))
                .orElse(List.of());
    }

    /**
     * What is in memory now, for a report, or nothing without a limit. Pages that no process has are reclaimed before anything
     * fails, so all of the limit is used once enough was read.
     */
    String describe() throws IOException {
        if (group.isEmpty()) {
            return "not limited";
        }
        String stat = Files.readString(group.get().resolve("memory.stat"));
        return String.format(
                "%,d MiB of processes, %,d MiB of files, of these %,d mapped; %,d of %,d MiB at most",
                mib(stat, "total_rss"),
                mib(stat, "total_cache"),
                mib(stat, "total_mapped_file"),
                read("memory.max_usage_in_bytes") >> 20,
                read("memory.limit_in_bytes") >> 20);
    }

    private static long mib(String stat, String name) {
        return bytes(stat, name) >> 20;
    }

    private static long bytes(String stat, String name) {
        Matcher matcher =
                Pattern.compile("^" + name + " (\\d+)$", Pattern.MULTILINE).matcher(stat);
        if (!matcher.find()) {
            throw new BenchmarkException("no " + name + " in memory.stat");
        }
        return Long.parseLong(matcher.group(1));
    }

    private long read(String file) throws IOException {
        return Long.parseLong(
                Files.readString(group.orElseThrow().resolve(file)).trim());
    }

    /**
     * Has the system forget all that it keeps of files for the processes in here, what they have mapped, too: that stays when the
     * whole machine's page cache is dropped. Nothing without a limit.
     */
    void reclaim() throws IOException {
        if (group.isPresent()) {
            Files.writeString(group.get().resolve("memory.force_empty"), "0");
        }
    }

    /** What processes in here have mapped of files and in memory, bytes; empty without a limit. */
    OptionalLong mappedBytes() throws IOException {
        return group.isPresent()
                ? OptionalLong.of(bytes(Files.readString(group.get().resolve("memory.stat")), "total_mapped_file"))
                : OptionalLong.empty();
    }

    /** Takes it away; processes in it must have ended. */
    @Override
    public void close() {
        if (group.isPresent()) {
            try {
                Files.delete(group.get());
            } catch (IOException e) {
                throw new BenchmarkException("cannot remove " + group.get() + "; remove it with rmdir: " + e);
            }
        }
    }
}
