package io.engram.topology.workers;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The references that wait for one worker, earliest deadline first, then in order of arrival. Thread-safe. */
final class DeadlineQueue {
    /** A task and the partition that it belongs to. */
    record Entry(IndexedPartition partition, IndexTask task) {}

    private record Waiting(Entry entry, long arrival) implements Comparable<Waiting> {
        @Override
        public int compareTo(Waiting that) {
            int byDeadline = Long.compare(entry.task.deadlineMs(), that.entry.task.deadlineMs());
            return byDeadline != 0 ? byDeadline : Long.compare(arrival, that.arrival);
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition wakeUp = lock.newCondition();
    private final PriorityQueue<Waiting> queue = new PriorityQueue<>();
    private long arrivals;
    private volatile int size;

    void add(Entry entry) {
        lock.lock();
        try {
            queue.add(new Waiting(entry, arrivals++));
            size = queue.size();
            wakeUp.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Takes up to that many, most urgent first; none when the queue is empty. */
    List<Entry> poll(int max) {
        return pollBefore(Long.MAX_VALUE, max);
    }

    /** Takes up to that many of those that are due before the deadline, most urgent first. */
    List<Entry> pollBefore(long deadlineMs, int max) {
        if (size == 0) {
            return List.of();
        }
        lock.lock();
        try {
            List<Entry> urgent = new ArrayList<>();
            while (urgent.size() < max
                    && !queue.isEmpty()
                    && queue.peek().entry().task().deadlineMs() < deadlineMs) {
                urgent.add(queue.poll().entry());
            }
            size = queue.size();
            return urgent;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for an arrival or a {@link #wake}. */
    void await(long timeoutMs) throws InterruptedException {
        lock.lock();
        try {
            if (queue.isEmpty()) {
                wakeUp.await(timeoutMs, TimeUnit.MILLISECONDS);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Wakes the worker that waits here, so that it looks around. */
    void wake() {
        lock.lock();
        try {
            wakeUp.signal();
        } finally {
            lock.unlock();
        }
    }

    int size() {
        return size;
    }
}
