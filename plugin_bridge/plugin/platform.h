// What differs between systems: mapped files, locks that die with their owner, doorbells, and starting a program.
//
// Linux is built and tested. macOS and Windows were written after their documents and are UNTESTED. There a doorbell
// is a byte to a UDP port of 127.0.0.1; PLUGIN_BRIDGE_SOCKET_BELL uses it on Linux, too.
#pragma once
#include "bridge.h"
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>
#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <process.h>
#include <sys/stat.h>
#else
#include <arpa/inet.h>
#include <cerrno>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;
#endif
#if defined(__linux__) && !defined(PLUGIN_BRIDGE_SOCKET_BELL)
#define PLUGIN_BRIDGE_FUTEX 1
#include <linux/futex.h>
#include <sys/syscall.h>
#include <ctime>
#endif

namespace bridge {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A file that is locked, and perhaps mapped. The system frees the lock when its owner dies, whatever kills it.
class File {
 public:
  ~File() { close(); }
#if defined(_WIN32)  // UNTESTED
  bool open(const std::string& path, bool create) {
    handle_ = CreateFileA(path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                          nullptr, create ? CREATE_NEW : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    return handle_ != INVALID_HANDLE_VALUE;
  }
  bool lock() {
    OVERLAPPED at{};
    at.OffsetHigh = 1;  // beyond the mapping
    return LockFileEx(handle_, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at);
  }
  void unlock() {
    OVERLAPPED at{};
    at.OffsetHigh = 1;
    UnlockFileEx(handle_, 0, 1, 0, &at);
  }
  Segment* map(bool resize) {
    (void)resize;  // the mapping makes the file as long as it is
    mapping_ = CreateFileMappingA(handle_, nullptr, PAGE_READWRITE, 0, sizeof(Segment), nullptr);
    if (mapping_) memory_ = MapViewOfFile(mapping_, FILE_MAP_ALL_ACCESS, 0, 0, sizeof(Segment));
    return static_cast<Segment*>(memory_);
  }
  void close() {
    if (memory_) UnmapViewOfFile(memory_);
    if (mapping_) CloseHandle(mapping_);
    if (handle_ != INVALID_HANDLE_VALUE) CloseHandle(handle_);
    memory_ = nullptr, mapping_ = nullptr, handle_ = INVALID_HANDLE_VALUE;
  }

 private:
  HANDLE handle_ = INVALID_HANDLE_VALUE, mapping_ = nullptr;
#else
  bool open(const std::string& path, bool create) {
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0600);
    return fd_ >= 0;
  }
  bool lock() { return ::flock(fd_, LOCK_EX | LOCK_NB) == 0; }
  void unlock() { ::flock(fd_, LOCK_UN); }
  Segment* map(bool resize) {
    struct stat facts;
    if (resize && ::ftruncate(fd_, sizeof(Segment)) != 0) return nullptr;
    if (::fstat(fd_, &facts) != 0 || facts.st_size != static_cast<off_t>(sizeof(Segment))) return nullptr;
    void* memory = ::mmap(nullptr, sizeof(Segment), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    memory_ = memory == MAP_FAILED ? nullptr : memory;
    return static_cast<Segment*>(memory_);
  }
  void close() {
    if (memory_) ::munmap(memory_, sizeof(Segment));
    if (fd_ >= 0) ::close(fd_);
    memory_ = nullptr, fd_ = -1;
  }

 private:
  int fd_ = -1;
#endif
  void* memory_ = nullptr;
};

// Wakes the other process. Ringing never blocks; a count that moves says that it rang.
class Bell {
 public:
#if defined(PLUGIN_BRIDGE_FUTEX)
  void listen(std::atomic<uint32_t>&) {}
  void ring(std::atomic<uint32_t>& count, std::atomic<uint32_t>&) {
    count.fetch_add(1);
    syscall(SYS_futex, &count, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  void wait(std::atomic<uint32_t>& count, uint32_t seen, uint32_t ms) {
    timespec time{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1000000L};
    syscall(SYS_futex, &count, FUTEX_WAIT, seen, &time, nullptr, 0);
  }
#else  // UNTESTED but on Linux
  ~Bell() { shut(); }
  void listen(std::atomic<uint32_t>& port) {
    start();
    sockaddr_in here = loopback(0);
    socklen_t size = sizeof here;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0 &&
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size) == 0)
      port.store(ntohs(here.sin_port));
  }
  void ring(std::atomic<uint32_t>& count, std::atomic<uint32_t>& port) {
    count.fetch_add(1);
    if (const uint32_t where = port.load()) {
      start();
      const sockaddr_in there = loopback(static_cast<uint16_t>(where));
      (void)::sendto(socket_, "", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
    }
  }
  void wait(std::atomic<uint32_t>& count, uint32_t seen, uint32_t ms) {
    if (count.load() != seen) return;
    char bytes[64];
    pollfd one{socket_, POLLIN, 0};
#if defined(_WIN32)
    if (WSAPoll(&one, 1, static_cast<int>(ms)) > 0)
#else
    if (::poll(&one, 1, static_cast<int>(ms)) > 0)
#endif
      while (::recv(socket_, bytes, sizeof bytes, 0) > 0) {
      }
  }

 private:
  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
#if defined(_WIN32)
  void start() {
    if (socket_ != INVALID_SOCKET) return;
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    socket_ = ::socket(AF_INET, SOCK_DGRAM, 0);
    u_long on = 1;
    ioctlsocket(socket_, FIONBIO, &on);
  }
  void shut() {
    if (socket_ != INVALID_SOCKET) closesocket(socket_);
  }
  SOCKET socket_ = INVALID_SOCKET;
#else
  void start() {
    if (socket_ >= 0) return;
    socket_ = ::socket(AF_INET, SOCK_DGRAM, 0);
    ::fcntl(socket_, F_SETFD, FD_CLOEXEC);
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  void shut() {
    if (socket_ >= 0) ::close(socket_);
  }
  int socket_ = -1;
#endif
#endif
};

// The path of the library that this code is in.
inline std::string own_path() {
#if defined(_WIN32)  // UNTESTED
  HMODULE module = nullptr;
  char path[MAX_PATH] = "";
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                     reinterpret_cast<LPCSTR>(&own_path), &module);
  GetModuleFileNameA(module, path, sizeof path);
  return path;
#else
  Dl_info facts{};
  return ::dladdr(reinterpret_cast<void*>(&own_path), &facts) && facts.dli_fname ? facts.dli_fname : "";
#endif
}

inline unsigned process_number() {
#if defined(_WIN32)
  return static_cast<unsigned>(_getpid());
#else
  return static_cast<unsigned>(::getpid());
#endif
}

// A program that was started and detaches itself: what was started ends soon, and is then waited for.
class Starter {
 public:
  // Its environment is the host's with `settings`, and without the libraries that some hosts bring along.
  bool start(const std::vector<std::string>& words, const std::vector<std::string>& settings) {
    std::vector<char*> pointers, environment;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
#if defined(_WIN32)  // UNTESTED
    for (const std::string& setting : settings) _putenv(setting.c_str());
    return _spawnv(_P_DETACH, pointers[0], pointers.data()) != -1;
#else
    for (const std::string& setting : settings) environment.push_back(const_cast<char*>(setting.c_str()));
    for (char** one = ::environ; *one; one++)
      if (std::strncmp(*one, "LD_", 3) && std::strncmp(*one, "DYLD_", 5)) environment.push_back(*one);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    for (int number = 0; number < 3; number++)
      posix_spawn_file_actions_addopen(&files, number, "/dev/null", O_RDWR, 0);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
#endif
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const bool started =
        ::posix_spawn(&child_, pointers[0], &files, &attributes, pointers.data(), environment.data()) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (!started) child_ = 0;
    return started;
#endif
  }

  // Whether it has not detached itself yet.
  bool busy() {
#if !defined(_WIN32)
    int how = 0;
    if (child_ && ::waitpid(child_, &how, WNOHANG) != 0) child_ = 0, failed_ = how != 0;
    return child_ != 0;
#else
    return false;
#endif
  }

  // Whether the last one ended before it could.
  bool failed() const { return failed_; }

 private:
  bool failed_ = false;
#if !defined(_WIN32)
  pid_t child_ = 0;
#endif
};

// Make a folder that only its owner may enter; false where it is another's.
inline bool make_private(const std::string& path) {
#if defined(_WIN32)  // UNTESTED; %LOCALAPPDATA% is its owner's
  return CreateDirectoryA(path.c_str(), nullptr) || GetLastError() == ERROR_ALREADY_EXISTS;
#else
  struct stat facts;
  ::mkdir(path.c_str(), 0700);
  return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid() &&
         (facts.st_mode & 077) == 0;
#endif
}

inline void remove_file(const std::string& path) { std::remove(path.c_str()); }

}  // namespace bridge
