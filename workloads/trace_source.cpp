#include "workloads/trace_source.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <sys/stat.h>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "workloads/common_fields.h"

namespace kvsim {
namespace {

std::vector<std::string> format_words() {
  std::vector<std::string> words = Registry<TraceFormat>::names();
  words.insert(words.begin(), std::string(TraceFile::kAnyFormat));
  return words;
}

const DeclaredFields kFields{
    text_field("/workload/trace", "null",
               "Trace file, plain or gzip: as seen from here, else from the config's folder."),
    word_field("/workload/format", "auto", "trace format", format_words,
               "Format of the trace; auto goes by its first line."),
    integer_field("/workload/trace_block_tokens", "null", "tokens", 1, 1 << 20,
                  "Tokens that one block hash of the trace names; the format's own if not set."),
    word_field(
        "/workload/turns", "delta", "way to read turns",
        [] {
          return std::vector<std::string>{"delta", "full"};
        },
        "Later rows of an aiperf session: what the turn adds (as AIPerf replays them), or "
        "the full prompt."),
};

bool exists(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0;
}

std::string trace_path(const ConfigView& config) {
  std::string path = config.text("/workload/trace");
  const std::size_t slash = config.file().rfind('/');
  if (path.starts_with('/') || slash == std::string::npos || path == "-" || exists(path))
    return path;
  const std::string beside = config.file().substr(0, slash + 1) + path;
  return exists(beside) ? beside : path;
}

TraceFile open_trace(const ConfigView& config) {
  if (!config.has("/workload/trace"))
    config.fail("/workload/trace", "missing: which file is to be replayed?");
  ReadOptions options;
  if (config.has("/workload/trace_block_tokens"))
    options.block_tokens = config.integer("/workload/trace_block_tokens");
  if (config.text("/workload/turns") == "full") options.turns = History::kFull;
  return {TextInput(trace_path(config)), config.text("/workload/format"), options};
}

}  // namespace

TraceSource::TraceSource(const Setup& setup) : TraceSource(open_trace(setup.config), setup) {}

TraceSource::TraceSource(TraceFile file, const Setup& setup)
    : file_(std::move(file)),
      arrivals_(make_arrivals(setup.config, setup.seed, "")),
      rate_scale_(rate_scale(setup.config)),
      left_(request_limit(setup.config)) {
  if (!upcoming()) file_.fail(1, "the trace has no requests");
}

std::optional<Time> TraceSource::upcoming() {
  if (left_ == 0) return std::nullopt;
  while (!ahead_ && !finished_) finished_ = !read_row();
  std::optional<Time> next;
  if (ahead_) next = ahead_at_;
  if (!ready_.empty() && (!next || ready_.begin()->first.first < *next))
    next = ready_.begin()->first.first;
  return next;
}

void TraceSource::take(Request& out) {
  const std::optional<Time> at = upcoming();
  KVSIM_CHECK(at.has_value(), "a request is taken only when one is known");
  TraceRow row;
  if (ahead_ && ahead_at_ == *at) {
    row = std::move(*ahead_);
    ahead_.reset();
    pause_.reset();
  } else {
    row = std::move(ready_.begin()->second);
    ready_.erase(ready_.begin());
    pause_ = row.delay.value_or(Duration(0));
  }
  out.id = taken_++;
  out.arrival = last_taken_ = *at;
  out.output = Tokens(row.output);
  out.priority = row.priority;
  out.session = row.session;
  out.cache_salt = 0;
  write_content(row, out);
  spare_ = std::move(row);
  --left_;
}

void TraceSource::write_content(TraceRow& row, Request& out) {
  out.prompt = Tokens(row.prompt);
  out.turn = row.turn.value_or(0);
  const bool alone = row.history == History::kNone;
  Session* session = alone ? nullptr : &session_of(row.session);
  if (session != nullptr) {
    out.turn = row.turn.value_or(session->turns);
    session->turns = out.turn + 1;
    if (row.last_turn) session->complete = true;
  }
  if (row.history == History::kDelta) {
    out.prompt = session->conversation.add_turn(row.said, out.prompt, out.output, out.content);
  } else if (row.history == History::kFull && row.said.tokens() == Tokens(0)) {
    session->conversation.whole_turn(out.prompt, out.output, out.content);
  } else {
    std::swap(out.content, row.said);
    const Tokens own = out.prompt + out.output - out.content.tokens();
    out.content.append({private_content(out.id), 0, own.value()});
  }
}

void TraceSource::ended(const Request& r, Time now) {
  const auto found = sessions_.find(r.session);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  if (session.under_way > 0) --session.under_way;
  session.last_end = std::max(session.last_end, now);
  if (session.under_way > 0) return;
  if (!session.waiting.empty()) {
    TraceRow next = std::move(session.waiting.front());
    session.waiting.pop_front();
    follow(session, std::move(next));
  } else if (session.complete) {
    sessions_.erase(found);
  }
}

WorkloadIdentity TraceSource::identity() const {
  const std::string name = std::filesystem::path(file_.name()).filename().string();
  return {name, file_.format(), file_.digest(), file_.skipped()};
}

// Reads one row: either the next to arrive by schedule, or a turn that has to wait.
bool TraceSource::read_row() {
  TraceRow row = std::move(spare_);
  if (!file_.next(row)) return false;
  if (row.history == History::kNone) {
    ahead_at_ = scheduled(row);
    ahead_ = std::move(row);
    return true;
  }
  Session& session = session_of(row.session);
  const bool first = !session.known;
  session.known = true;
  if (first || (row.at && !row.delay)) {
    ++session.under_way;
    ahead_at_ = scheduled(row);
    ahead_ = std::move(row);
  } else if (session.under_way > 0 || !session.waiting.empty()) {
    session.waiting.push_back(std::move(row));
  } else {
    follow(session, std::move(row));
  }
  return true;
}

// The turn before `row` has ended: its time is known. A turn read only after later requests were
// taken cannot arrive before them.
void TraceSource::follow(Session& session, TraceRow row) {
  ++session.under_way;
  const Time at = std::max(session.last_end + row.delay.value_or(Duration(0)), last_taken_);
  ready_.emplace(std::pair(at, made_ready_++), std::move(row));
}

Time TraceSource::scheduled(const TraceRow& row) {
  if (row.at && first_at_ && *row.at < last_at_)
    file_.fail(row.at_column, fmt::format("the time goes back by {} s: sort the trace by arrival",
                                          seconds(last_at_ - *row.at)));
  if (row.at) {
    if (!first_at_) first_at_ = row.at;
    last_at_ = *row.at;
  }
  Duration since_start = last_scheduled_.time_since_epoch();
  if (arrivals_) {
    since_start = arrivals_->next();
  } else if (row.at) {
    since_start = *row.at - *first_at_;
  } else {
    return last_scheduled_;
  }
  return last_scheduled_ = Time(scaled(since_start, rate_scale_));
}

TraceSource::Session& TraceSource::session_of(std::uint64_t number) {
  return sessions_.try_emplace(number, number).first->second;
}

namespace {
const Registered<WorkloadSource, TraceSource> kTrace{"trace", "A trace file, replayed."};
}  // namespace

}  // namespace kvsim
