// Pushes with prometheus-cpp: push HOST PORT. Prints the status of each call.
#include <iostream>
#include <memory>

#include <prometheus/counter.h>
#include <prometheus/gateway.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

int main(int, char **arguments) {
  using namespace prometheus;
  auto registry = std::make_shared<Registry>();
  BuildCounter().Name("cpp_total").Help("A counter").Register(*registry).Add({{"l", "v\"\\\n"}}).Increment(3);
  BuildGauge().Name("cpp_gauge").Help("A gauge").Register(*registry).Add({}).Set(1e6);
  BuildHistogram().Name("cpp_histogram").Help("A histogram").Register(*registry)
      .Add({}, Histogram::BucketBoundaries{0.1, 1}).Observe(0.5);
  BuildSummary().Name("cpp_summary").Help("A summary").Register(*registry)
      .Add({}, Summary::Quantiles{{0.5, 0.05}}).Observe(2);

  Gateway plain{arguments[1], arguments[2], "cpp"};
  plain.RegisterCollectable(registry);
  std::cout << "push: " << plain.Push() << "\n";
  std::cout << "push and add: " << plain.PushAdd() << "\n";

  Gateway grouped{arguments[1], arguments[2], "cpp/job", {{"instance", "i 1"}, {"zone", ""}}, "user", "password"};
  grouped.RegisterCollectable(registry);
  std::cout << "grouped push: " << grouped.Push() << "\n";

  Gateway gone{arguments[1], arguments[2], "gone", Gateway::GetInstanceLabel("host")};
  gone.RegisterCollectable(registry);
  std::cout << "push to go: " << gone.Push() << "\n";
  std::cout << "delete: " << gone.DeleteForInstance() << "\n";
  std::cout << "delete the job: " << gone.Delete() << "\n";

  auto clash = std::make_shared<Registry>();
  BuildGauge().Name("cpp_total").Help("Not a counter").Register(*clash).Add({}).Set(1);
  Gateway refused{arguments[1], arguments[2], "refused"};
  refused.RegisterCollectable(clash);
  std::cout << "clash: " << std::flush << refused.Push() << "\n";
}
