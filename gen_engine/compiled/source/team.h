// A small team of threads that work off a call phase by phase. A phase is a number of chunks that any thread may take.
// So a call never waits for a thread that another process has put off its core, unless it is in the middle of a chunk.
// Idle threads spin for a moment, since a step of a small model is over in less time than it takes to wake them, and
// then sleep.
#pragma once
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#elif defined(__aarch64__)
#define PAUSE() asm volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

// What a call does: how many chunks a phase has (0 beyond the last phase), and one chunk of it.
struct Plan {
    int (*count)(const void* given, int phase);
    void (*chunk)(const void* given, int phase, int index);
    const void* given;
};

class Team {
   public:
    // Works off all phases in order on at most `members` threads, this one among them. One call at a time.
    void run(int members, const Plan& plan) {
        if (members < 2) {
            for (int phase = 0, count; (count = plan.count(plan.given, phase)); phase++)
                for (int i = 0; i < count; i++) plan.chunk(plan.given, phase, i);
            return;
        }
        std::lock_guard<std::mutex> alone(call_);
        raise(members - 1);
        plan_ = plan;
        members_.store(members, std::memory_order_relaxed);
        go_on(0);
        if (asleep_.load() > 0) {
            { std::lock_guard<std::mutex> lock(sleep_); }
            wake_.notify_all();
        }
        for (int turn = 0;;) {
            Word word = now_.load(std::memory_order_acquire);
            if (!word) return;
            if (help(word))
                turn = 0;
            else if (++turn < 2000)
                PAUSE();
            else
                std::this_thread::yield();  // a thread in the middle of a chunk may need this core
        }
    }

   private:
    // The open phase + 1, its chunks, and how many of them are taken; 0 when nothing is to be done.
    typedef uint64_t Word;
    static Word word_of(int phase, int count) { return static_cast<Word>(phase + 1) << 40 | static_cast<Word>(count) << 20; }

    // Takes one chunk if there is one.
    bool help(Word word) {
        int taken = word & 0xfffff, count = word >> 20 & 0xfffff, phase = static_cast<int>(word >> 40) - 1;
        if (taken >= count || !now_.compare_exchange_strong(word, word + 1, std::memory_order_acq_rel)) return false;
        plan_.chunk(plan_.given, phase, taken);
        if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) go_on(phase + 1);
        return true;
    }

    // Opens a phase. Phases of one chunk are done at once by this thread.
    void go_on(int phase) {
        int count;
        while ((count = plan_.count(plan_.given, phase)) == 1) plan_.chunk(plan_.given, phase++, 0);
        done_.store(0, std::memory_order_relaxed);
        now_.store(count ? word_of(phase, count) : 0, std::memory_order_release);
    }

    void raise(int wanted) {
        for (; threads_ < wanted; threads_++) {
            try {
                int number = threads_ + 1;
                std::thread([this, number] { serve(number); }).detach();
            } catch (...) {
                return;  // no more threads are to be had: fewer do the work
            }
        }
    }

    void serve(int number) {
        for (int turn = 0;;) {
            Word word = now_.load(std::memory_order_acquire);
            if (word && number < members_.load(std::memory_order_relaxed)) {
                if (help(word)) {
                    turn = 0;
                    continue;
                }
            }
            if (++turn < 20000) {
                PAUSE();
                if (turn % 1024 == 0) std::this_thread::yield();
                continue;
            }
            std::unique_lock<std::mutex> lock(sleep_);
            asleep_.fetch_add(1);
            wake_.wait(lock, [&] { return now_.load() && number < members_.load(); });
            asleep_.fetch_sub(1);
            turn = 0;
        }
    }

    alignas(64) std::atomic<Word> now_{0};
    alignas(64) std::atomic<int> done_{0};
    alignas(64) std::atomic<int> members_{1}, asleep_{0};
    std::mutex call_, sleep_;
    std::condition_variable wake_;
    int threads_ = 0;
    Plan plan_{};
};

// The team of this process. A forked process has none of its parent's threads, so it makes a team of its own; what the
// parent had is left as it is, since its locks may be held.
inline Team& team() {
    static std::atomic<Team*> known{nullptr};
    static std::atomic<int> owner{0};
    int self = static_cast<int>(getpid());
    if (known.load() == nullptr || owner.load() != self) {
        known.store(new Team());
        owner.store(self);
    }
    return *known.load();
}
