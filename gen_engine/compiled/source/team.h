// A small team of threads that run one function together and meet at barriers. They spin for a moment between calls,
// since a step of a small model is over in less time than it takes to wake a thread, and then sleep.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <vector>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#elif defined(__aarch64__)
#define PAUSE() asm volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

typedef void (*Work)(void* given, int member, int members);

class Team {
   public:
    // Runs `work` once for each of `members` members, this thread being member 0. One call at a time.
    void run(int members, Work work, void* given) {
        if (members < 2) return work(given, 0, 1);
        std::lock_guard<std::mutex> alone(call_);
        raise(members - 1);
        members = static_cast<int>(threads_) + 1 < members ? static_cast<int>(threads_) + 1 : members;
        work_ = work, given_ = given, members_ = members;
        arrived_.store(0, std::memory_order_relaxed);
        done_.store(0, std::memory_order_relaxed);
        {
            std::lock_guard<std::mutex> lock(sleep_);
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        work(given, 0, members);
        wait([&] { return done_.load(std::memory_order_acquire) == static_cast<int>(threads_); });
    }

    // Waits until all members have come here.
    void meet(int members) {
        if (members < 2) return;
        uint32_t phase = phase_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
            arrived_.store(0, std::memory_order_relaxed);
            phase_.store(phase + 1, std::memory_order_release);
        } else {
            wait([&] { return phase_.load(std::memory_order_acquire) != phase; });
        }
    }

   private:
    template <typename Ready>
    static void wait(Ready ready) {
        for (int turn = 0; !ready(); turn++) {
            if (turn < 4000)
                PAUSE();
            else
                std::this_thread::yield();  // another process may need this core before anybody can go on
        }
    }

    void raise(int wanted) {
        while (static_cast<int>(threads_) < wanted) {
            int member = static_cast<int>(threads_) + 1;
            uint32_t seen = round_.load(std::memory_order_relaxed);
            try {
                std::thread([this, member, seen] { serve(member, seen); }).detach();
            } catch (...) {
                return;  // no more threads are to be had: fewer do the work
            }
            threads_++;
        }
    }

    void serve(int member, uint32_t seen) {
        for (;;) {
            for (int turn = 0; round_.load(std::memory_order_acquire) == seen && turn < 20000; turn++) PAUSE();
            if (round_.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> lock(sleep_);
                wake_.wait(lock, [&] { return round_.load(std::memory_order_acquire) != seen; });
            }
            seen = round_.load(std::memory_order_acquire);
            if (member < members_) work_(given_, member, members_);
            done_.fetch_add(1, std::memory_order_release);
        }
    }

    std::mutex call_, sleep_;
    std::condition_variable wake_;
    std::atomic<uint32_t> round_{0}, phase_{0};
    std::atomic<int> arrived_{0}, done_{0};
    size_t threads_ = 0;
    Work work_ = nullptr;
    void* given_ = nullptr;
    int members_ = 1;
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
