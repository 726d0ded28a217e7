// addon.cc: the engine for JavaScript, and nothing else. One NativeEngine object is one Engine with its own native
// thread while it runs. JavaScript never touches a packet: it installs plans and calls handlers, which the engine's
// thread executes between its rounds.
#include <napi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

extern "C" {
#include "addon/engine_c.h"
}

namespace {

struct Message {
  bool warning;
  int element, arg;
  std::string text;
};

struct Result {
  bool ok = false;
  std::string text;
  std::vector<Message> messages;
};

Napi::Object to_js(Napi::Env env, const Result &r) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("ok", r.ok);
  o.Set("text", r.text);
  Napi::Array list = Napi::Array::New(env, r.messages.size());
  for (size_t i = 0; i < r.messages.size(); i++) {
    Napi::Object m = Napi::Object::New(env);
    m.Set("severity", r.messages[i].warning ? "warning" : "error");
    m.Set("element", r.messages[i].element);
    m.Set("arg", r.messages[i].arg);
    m.Set("message", r.messages[i].text);
    list.Set(static_cast<uint32_t>(i), m);
  }
  o.Set("messages", list);
  return o;
}

void collect(void *context, bool warning, int element, int arg, const char *message) {
  static_cast<Result *>(context)->messages.push_back({warning, element, arg, message});
}

void collect_text(void *context, const char *s, size_t n) { static_cast<Result *>(context)->text.assign(s, n); }

/* The front end, for the root handler `hotconfig`: functions of JavaScript called from the engine's thread, which
 * waits for them, so that a configuration is in place when its turn comes and not some time later. */
class FrontEnd {
public:
  FrontEnd(Napi::Env env, Napi::Object functions)
      : functions_(Napi::Persistent(functions)), env_(env), js_thread_(std::this_thread::get_id()),
        tsfn_(Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo &) {}), "clicklet reconfigure", 0, 1)) {
    tsfn_.Unref(env);
    c_.compile = [](void *context, const char *text, EngineC_Text plan, EngineC_Message message, void *sink) {
      static_cast<FrontEnd *>(context)->compile(text, plan, message, sink);
    };
    c_.message = [](void *context, bool warning, int element, int arg, const char *text) {
      collect(&static_cast<FrontEnd *>(context)->result_, warning, element, arg, text);
    };
    c_.refused = [](void *context, EngineC_Message message, void *sink) {
      static_cast<FrontEnd *>(context)->installed(false, message, sink);
    };
    c_.installed = [](void *context) {
      static_cast<FrontEnd *>(context)->installed(true, [](void *, bool, int, int, const char *) {}, nullptr);
    };
    c_.context = this;
  }
  ~FrontEnd() { tsfn_.Release(); }
  const EngineC_Reconfigure *c() const { return &c_; }

  /* JavaScript is about to wait for the engine's thread: that must not wait for JavaScript any longer. */
  void close() {
    std::lock_guard<std::mutex> lock(gate_->mutex);
    gate_->closed = true;
    gate_->changed.notify_all();
  }

private:
  /* Shared with calls that JavaScript takes up when this is gone already. */
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool closed = false;
  };
  struct Call {
    bool done = false;
    std::string error, plan;
  };

  /* False if the engine was closed meanwhile. */
  bool call(const std::shared_ptr<Call> &c, const std::function<void(Napi::Env, Call &)> &f) {
    auto guarded = [f](Napi::Env env, Call &x) {
      Napi::HandleScope scope(env);
      try {
        f(env, x);
      } catch (const Napi::Error &e) {
        x.error = e.Message();
      }
    };
    if (std::this_thread::get_id() == js_thread_) {
      guarded(env_, *c);
      return true;
    }
    std::unique_lock<std::mutex> lock(gate_->mutex);
    if (gate_->closed) return false;
    tsfn_.NonBlockingCall([gate = gate_, c, guarded](Napi::Env env, Napi::Function) {
      {
        std::lock_guard<std::mutex> lock2(gate->mutex);
        if (gate->closed) return;
      }
      guarded(env, *c);
      std::lock_guard<std::mutex> lock2(gate->mutex);
      c->done = true;
      gate->changed.notify_all();
    });
    gate_->changed.wait(lock, [&] { return c->done || gate_->closed; });
    return c->done;
  }

  void compile(std::string text, EngineC_Text plan, EngineC_Message message, void *sink) {
    auto c = std::make_shared<Call>();
    bool called = call(c, [this, text](Napi::Env env, Call &x) {
      Napi::Value v = functions_.Get("compile").As<Napi::Function>().Call(functions_.Value(), {Napi::String::New(env, text)});
      auto bytes = v.As<Napi::Uint8Array>();
      x.plan.assign(reinterpret_cast<const char *>(bytes.Data()), bytes.ByteLength());
    });
    if (!called) c->error = "the engine is closed";
    if (c->error.empty())
      plan(sink, c->plan.data(), c->plan.size());
    else
      message(sink, false, -1, -1, c->error.c_str());
  }

  /* What it throws is the writer's error. */
  void installed(bool ok, EngineC_Message message, void *sink) {
    Result r;
    std::swap(r, result_);
    r.ok = ok;
    auto c = std::make_shared<Call>();
    if (!call(c, [this, r](Napi::Env env, Call &) {
          functions_.Get("installed").As<Napi::Function>().Call(functions_.Value(), {to_js(env, r)});
        }))
      c->error = "the engine is closed";
    if (!c->error.empty()) message(sink, false, -1, -1, c->error.c_str());
  }

  EngineC_Reconfigure c_ = {};
  Napi::ObjectReference functions_;
  Napi::Env env_;
  std::thread::id js_thread_;
  Napi::ThreadSafeFunction tsfn_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  Result result_;
};

/* The engine and the thread that runs it. Outlives its JavaScript object if that is collected while it runs. */
class Runner {
public:
  Runner(const EngineC_Options &options) : engine_(engine_c_new(&options)) {
    if (engine_) engine_c_set_commands(engine_, &Runner::run_commands, this);
  }
  ~Runner() {
    stop();
    if (thread_.joinable()) thread_.join();
    if (engine_) engine_c_free(engine_);
  }
  bool usable() const { return engine_ != nullptr; }

  /* Executes f on the engine's thread if that runs, else here; then done, on the thread that executed it. */
  void execute(std::function<void(EngineC *)> f) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (running_) {
        queue_.push_back(std::move(f));
        engine_c_wake(engine_);
        return;
      }
    }
    f(engine_);
  }

  /* Executes f here and now; false if the engine runs. */
  bool idle(const std::function<void(EngineC *)> &f) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (running_) return false;
    f(engine_);
    return true;
  }

  bool start(int cpu, std::function<void()> ended) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (running_) return false;
      running_ = true;
    }
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([this, cpu, ended] {
      engine_c_run(engine_, cpu);
      std::deque<std::function<void(EngineC *)>> rest;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        running_ = false;
        rest.swap(queue_);
      }
      for (auto &f : rest) f(engine_);
      ended();
    });
    return true;
  }

  void stop() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!running_) return;
    engine_c_stop(engine_);
    engine_c_wake(engine_);
  }

private:
  static void run_commands(void *context) {
    auto *self = static_cast<Runner *>(context);
    std::deque<std::function<void(EngineC *)>> batch;
    {
      std::lock_guard<std::mutex> lock(self->mutex_);
      batch.swap(self->queue_);
    }
    for (auto &f : batch) f(self->engine_);
  }

  EngineC *engine_;
  std::thread thread_;
  std::mutex mutex_;
  bool running_ = false;
  std::deque<std::function<void(EngineC *)>> queue_;
};

class NativeEngine : public Napi::ObjectWrap<NativeEngine> {
public:
  static Napi::Function init(Napi::Env env) {
    return DefineClass(env, "NativeEngine",
                       {InstanceMethod("install", &NativeEngine::install), InstanceMethod("check", &NativeEngine::check),
                        InstanceMethod("fuseFacts", &NativeEngine::fuse_facts), InstanceMethod("routerFacts", &NativeEngine::router_facts), InstanceMethod("fuse", &NativeEngine::fuse),
                        InstanceMethod("unfuse", &NativeEngine::unfuse), InstanceMethod("run", &NativeEngine::run),
                        InstanceMethod("stop", &NativeEngine::stop), InstanceMethod("read", &NativeEngine::read),
                        InstanceMethod("write", &NativeEngine::write), InstanceMethod("stats", &NativeEngine::stats),
                        InstanceMethod("close", &NativeEngine::close)});
  }

  /* new NativeEngine({ simulatedTime?, batch?, poolPackets?, ports?: string[], hold? }) */
  explicit NativeEngine(const Napi::CallbackInfo &info) : Napi::ObjectWrap<NativeEngine>(info) {
    Napi::Object o = info.Length() && info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(info.Env());
    EngineC_Options options = {};
    options.simulated_time = o.Get("simulatedTime").ToBoolean();
    options.hold = o.Get("hold").ToBoolean();
    if (o.Get("batch").IsNumber()) options.batch = o.Get("batch").As<Napi::Number>().Uint32Value();
    if (o.Get("threads").IsNumber()) options.threads = o.Get("threads").As<Napi::Number>().Uint32Value();
    if (o.Get("poolPackets").IsNumber()) options.pool_packets = o.Get("poolPackets").As<Napi::Number>().Uint32Value();
    if (o.Get("ports").IsArray()) {
      Napi::Array a = o.Get("ports").As<Napi::Array>();
      for (uint32_t i = 0; i < a.Length(); i++) ports_.push_back(a.Get(i).ToString());
    }
    for (auto &p : ports_) port_pointers_.push_back(p.c_str());
    port_pointers_.push_back(nullptr);
    options.ports = port_pointers_.data();
    if (o.Get("simulatedStart").IsBigInt()) {
      bool lossless;
      options.simulated_start_set = true;
      options.simulated_start = o.Get("simulatedStart").As<Napi::BigInt>().Int64Value(&lossless);
    }
    if (o.Get("simulatedTick").IsNumber()) options.simulated_tick = o.Get("simulatedTick").As<Napi::Number>().Uint32Value();
    if (o.Get("reconfigure").IsObject()) {
      front_end_ = std::make_unique<FrontEnd>(info.Env(), o.Get("reconfigure").As<Napi::Object>());
      options.reconfigure = front_end_->c();
    }
    runner_ = std::make_shared<Runner>(options);
    if (!runner_->usable()) throw Napi::Error::New(info.Env(), "out of memory for an engine");
  }
  ~NativeEngine() {
    if (front_end_) front_end_->close();
  }

private:
  /* A promise of what f makes of the engine, wherever it is executed. */
  Napi::Value promise(const Napi::CallbackInfo &info, std::function<void(EngineC *, Result &)> f) {
    Napi::Env env = info.Env();
    auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
    if (!runner_) {
      deferred->Reject(Napi::Error::New(env, "the engine is closed").Value());
      return deferred->Promise();
    }
    auto result = std::make_shared<Result>();
    auto tsfn = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo &) {}), "clicklet", 0, 1);
    runner_->execute([f, result, tsfn, deferred](EngineC *e) mutable {
      f(e, *result);
      tsfn.BlockingCall([deferred, result](Napi::Env env2, Napi::Function) { deferred->Resolve(to_js(env2, *result)); });
      tsfn.Release();
    });
    return deferred->Promise();
  }

  /* install(plan: Uint8Array): Promise<Result> */
  Napi::Value install(const Napi::CallbackInfo &info) {
    if (!info.Length() || !info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "install expects a Uint8Array");
    auto bytes = info[0].As<Napi::Uint8Array>();
    auto plan = std::make_shared<std::vector<uint8_t>>(bytes.Data(), bytes.Data() + bytes.ByteLength());
    return promise(info, [plan](EngineC *e, Result &r) { r.ok = engine_c_install(e, plan->data(), plan->size(), collect, &r) == 0; });
  }

  /* check(plan: Uint8Array): Result; at once, for an engine that does not run */
  Napi::Value check(const Napi::CallbackInfo &info) {
    if (!info.Length() || !info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "check expects a Uint8Array");
    if (!runner_) throw Napi::Error::New(info.Env(), "the engine is closed");
    auto bytes = info[0].As<Napi::Uint8Array>();
    Result r;
    if (!runner_->idle([&](EngineC *e) { r.ok = engine_c_check(e, bytes.Data(), bytes.ByteLength(), collect, &r) == 0; }))
      throw Napi::Error::New(info.Env(), "the engine is running");
    return to_js(info.Env(), r);
  }

  static unsigned thread_of(const Napi::Value &v) { return v.IsNumber() ? v.As<Napi::Number>().Uint32Value() : 0; }

  /* routerFacts(thread?: number): Promise<Result> with text as JSON, of the router that is installed */
  Napi::Value router_facts(const Napi::CallbackInfo &info) {
    unsigned thread = thread_of(info[0]);
    return promise(info, [thread](EngineC *e, Result &r) {
      r.ok = engine_c_fuse_facts(e, thread, nullptr, 0, collect_text, collect, &r) == 0;
    });
  }

  /* fuseFacts(plan: Uint8Array, thread?: number): Result with text as JSON; at once, for an engine that does not run */
  Napi::Value fuse_facts(const Napi::CallbackInfo &info) {
    if (!info.Length() || !info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "fuseFacts expects a Uint8Array");
    if (!runner_) throw Napi::Error::New(info.Env(), "the engine is closed");
    auto bytes = info[0].As<Napi::Uint8Array>();
    Result r;
    if (!runner_->idle([&](EngineC *e) {
          r.ok = engine_c_fuse_facts(e, thread_of(info[1]), bytes.Data(), bytes.ByteLength(), collect_text, collect, &r) == 0;
        }))
      throw Napi::Error::New(info.Env(), "the engine is running");
    return to_js(info.Env(), r);
  }

  /* fuse(file: string, thread?: number): Promise<Result>; loads a fused unit and binds it between two rounds of the engine */
  Napi::Value fuse(const Napi::CallbackInfo &info) {
    Result loaded;
    const void *unit = engine_c_unit_load(info[0].ToString().Utf8Value().c_str(), collect, &loaded);
    unsigned thread = thread_of(info[1]);
    return promise(info, [unit, loaded, thread](EngineC *e, Result &r) {
      r = loaded;
      r.ok = unit && engine_c_fuse(e, thread, unit, collect, &r) == 0;
    });
  }

  /* unfuse(): Promise<Result>; back to the dynamic engine */
  Napi::Value unfuse(const Napi::CallbackInfo &info) {
    return promise(info, [](EngineC *e, Result &r) { r.ok = engine_c_fuse(e, 0, nullptr, collect, &r) == 0; });
  }

  /* run(cpu?: number): Promise<void>; resolves when the router stops */
  Napi::Value run(const Napi::CallbackInfo &info) {
    Napi::Env env = info.Env();
    auto deferred = std::make_shared<Napi::Promise::Deferred>(env);
    if (!runner_) {
      deferred->Reject(Napi::Error::New(env, "the engine is closed").Value());
      return deferred->Promise();
    }
    int cpu = info.Length() && info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : -1;
    auto tsfn = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo &) {}), "clicklet", 0, 1);
    bool started = runner_->start(cpu, [tsfn, deferred]() mutable {
      tsfn.BlockingCall([deferred](Napi::Env env2, Napi::Function) { deferred->Resolve(env2.Undefined()); });
      tsfn.Release();
    });
    if (!started) {
      tsfn.Release();
      deferred->Reject(Napi::Error::New(env, "the engine is running already").Value());
    }
    return deferred->Promise();
  }

  Napi::Value stop(const Napi::CallbackInfo &info) {
    if (runner_) runner_->stop();
    return info.Env().Undefined();
  }

  /* read(handler: string, parameter?: string): Promise<Result> */
  Napi::Value read(const Napi::CallbackInfo &info) {
    std::string name = info[0].ToString(), param = info.Length() > 1 && info[1].IsString() ? std::string(info[1].ToString()) : "";
    return promise(info, [name, param](EngineC *e, Result &r) {
      r.ok = engine_c_read(e, name.c_str(), param.c_str(), collect_text, collect, &r) == 0;
    });
  }

  /* write(handler: string, value?: string): Promise<Result> */
  Napi::Value write(const Napi::CallbackInfo &info) {
    std::string name = info[0].ToString(), value = info.Length() > 1 && info[1].IsString() ? std::string(info[1].ToString()) : "";
    return promise(info, [name, value](EngineC *e, Result &r) { r.ok = engine_c_write(e, name.c_str(), value.c_str(), collect, &r) == 0; });
  }

  /* stats(): Promise<Result> with text as JSON */
  Napi::Value stats(const Napi::CallbackInfo &info) {
    return promise(info, [](EngineC *e, Result &r) {
      engine_c_stats(e, collect_text, &r);
      r.ok = true;
    });
  }

  /* close(): frees the engine; waits for its thread. */
  Napi::Value close(const Napi::CallbackInfo &info) {
    if (front_end_) front_end_->close();
    runner_.reset();
    return info.Env().Undefined();
  }

  std::vector<std::string> ports_;
  std::vector<const char *> port_pointers_;
  std::unique_ptr<FrontEnd> front_end_; /* freed after the runner */
  std::shared_ptr<Runner> runner_;
};

void collect_string(void *context, const char *s, size_t n) { static_cast<std::string *>(context)->assign(s, n); }

Napi::Value class_table(const Napi::CallbackInfo &info) {
  std::string json;
  engine_c_table(collect_string, &json);
  return Napi::String::New(info.Env(), json);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeEngine", NativeEngine::init(env));
  exports.Set("classTable", Napi::Function::New(env, class_table));
  return exports;
}

} // namespace

NODE_API_MODULE(clicklet, init)
