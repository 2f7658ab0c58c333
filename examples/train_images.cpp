// Trains a net on images and says how well it does. Try: train_images --help
#include <fmt/core.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "image_models.hpp"
#include "ravel/data/batches.hpp"
#include "ravel/data/find.hpp"
#include "ravel/ops/kernels/isa.hpp"
#include "ravel/ops/loss.hpp"
#include "ravel/optim/adam.hpp"
#include "ravel/optim/sgd.hpp"
#include "ravel/train/confusion.hpp"
#include "ravel/train/program.hpp"
#include "ravel/train/progress.hpp"
#include "ravel/version.hpp"

namespace {

using namespace ravel;

struct Options {
  std::string dataset = "fashion", model = "conv1d", optimizer = "adam", schedule = "linear", data, out;
  std::int64_t epochs = 3, batch_size = 64, limit = 0;
  std::uint64_t seed = 0;
  double lr = 0;  // 0: the optimizer's usual one
  int threads = 0;
};

// What a run found out, one entry per epoch where it is a list.
struct History {
  std::vector<double> train_loss, train_accuracy, test_loss, test_accuracy, seconds;
};

struct Evaluation {
  double loss = 0;
  train::ConfusionMatrix confusion;
};

std::unique_ptr<optim::OptimizerBase> make_optimizer(const Options& options,
                                                     const std::vector<nn::Parameter>& parameters) {
  if (options.optimizer == "sgd") {
    return std::make_unique<optim::Sgd>(parameters, optim::SgdRule{.lr = options.lr, .momentum = 0.9});
  }
  if (options.optimizer == "adamw")
    return std::make_unique<optim::AdamW>(parameters, optim::AdamWRule{.lr = options.lr});
  return std::make_unique<optim::Adam>(parameters, optim::AdamRule{.lr = options.lr});
}

// Trains on one epoch of `batches`; appends its loss and accuracy to `history`.
void train_epoch(const Options& options, std::int64_t epoch, const nn::Sequential& net, const data::Batches& batches,
                 const std::vector<std::string>& classes, optim::OptimizerBase& optimizer, History& history) {
  train::ConfusionMatrix confusion(classes);
  train::ProgressBar bar(fmt::format("epoch {}/{}", epoch + 1, options.epochs), "images", batches.image_count());
  double loss_sum = 0;
  std::int64_t step = epoch * batches.size();
  for (const data::Batch batch : batches.epoch(epoch)) {
    const double done = static_cast<double>(step) / static_cast<double>(options.epochs * batches.size());
    if (options.schedule == "linear") optimizer.set_lr(options.lr * (1 - done));
    const RandomStep random(options.seed, static_cast<std::uint64_t>(step++));
    optimizer.zero_grad();
    const Tensor logits = net(batch.images), loss = cross_entropy(logits, batch.labels);
    require(std::isfinite(loss.item()), "the loss is {} in step {} of epoch {}; try a smaller --lr than {}",
            loss.item(), step - epoch * batches.size(), epoch + 1, options.lr);
    loss.backward();
    optimizer.step();
    loss_sum += loss.item() * static_cast<double>(batch.labels.numel());
    confusion.add(logits, batch.labels);
    bar.update(confusion.total(), fmt::format("loss {:.4f}", loss_sum / static_cast<double>(confusion.total())));
  }
  history.train_loss.push_back(loss_sum / static_cast<double>(confusion.total()));
  history.train_accuracy.push_back(confusion.accuracy());
}

// The loss and the answers of a net on all images.
Evaluation evaluate(const nn::Sequential& net, const nn::Scope& scope, const data::Batches& batches,
                    const std::vector<std::string>& classes) {
  const NoGrad no_grad;
  scope.eval();
  Evaluation result{0, train::ConfusionMatrix(classes)};
  for (const data::Batch batch : batches.epoch(0)) {
    const Tensor logits = net(batch.images);
    result.loss += cross_entropy(logits, batch.labels, {.reduction = Reduction::sum}).item();
    result.confusion.add(logits, batch.labels);
  }
  result.loss /= static_cast<double>(result.confusion.total());
  scope.train();
  return result;
}

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

nlohmann::ordered_json summary(const Options& options, const History& history, const Evaluation& last,
                               std::int64_t images, const nn::Scope& scope) {
  double seconds = 0;
  for (const double epoch : history.seconds) seconds += epoch;
  return {{"ravel", version()},
          {"dataset", options.dataset},
          {"model", options.model},
          {"epochs", options.epochs},
          {"batch_size", options.batch_size},
          {"optimizer", options.optimizer},
          {"lr", options.lr},
          {"schedule", options.schedule},
          {"seed", options.seed},
          {"limit", options.limit},
          {"threads", threads()},
          {"isa", name_of(isa())},
          {"train_loss", history.train_loss},
          {"train_accuracy", history.train_accuracy},
          {"test_loss", history.test_loss},
          {"test_accuracy", history.test_accuracy},
          {"seconds_per_epoch", history.seconds},
          {"images_per_second", static_cast<double>(images * options.epochs) / seconds},
          {"peak_memory_mib", peak_memory_mib()},
          {"parameter_hash", fmt::format("{:016x}", hash_of(scope))},
          {"confusion", last.confusion.counts()}};
}

// Where summary.json goes; tried before the training, so that a bad name costs no hour.
std::filesystem::path prepare_output(const std::string& folder) {
  if (folder.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::filesystem::path file = std::filesystem::path(folder) / "summary.json", trial = file.string() + ".part";
  require(!error && std::ofstream(trial).good(), "--out {}: cannot write {}{}{}", folder, file.string(),
          error ? ": " : "", error ? error.message() : "");
  std::filesystem::remove(trial);
  return file;
}

void write_summary(const std::filesystem::path& file, const nlohmann::ordered_json& summary) {
  const std::filesystem::path unfinished = file.string() + ".part";
  std::ofstream stream(unfinished);
  stream << summary.dump(2) << '\n';
  stream.close();
  require(stream.good(), "cannot write {}; is the disk full?", unfinished.string());
  std::filesystem::rename(unfinished, file);
}

int run(const Options& options) {
  if (options.threads > 0) set_threads(options.threads);
  const std::filesystem::path output = prepare_output(options.out);
  const data::Dataset& dataset = data::dataset(options.dataset);
  const data::Splits images = data::load(dataset, options.data);
  data::BatchOptions cut{.batch_size = options.batch_size,
                         .shuffle = true,
                         .seed = options.seed,
                         .limit = options.limit,
                         .mean = dataset.mean,
                         .stddev = dataset.stddev};
  const data::Batches train_batches(images.train, cut);
  cut.shuffle = false;
  cut.batch_size = 500;
  const data::Batches test_batches(images.test, cut);

  const nn::Scope scope(options.seed);
  const Shape& shape = images.train.images.shape();
  const auto classes = static_cast<std::int64_t>(dataset.classes.size());
  const nn::Sequential net = examples::make_image_model(options.model, scope, {shape[1], shape[2], shape[3]}, classes);
  const std::unique_ptr<optim::OptimizerBase> optimizer = make_optimizer(options, scope.parameters());
  std::int64_t parameters = 0;
  for (const nn::Parameter& parameter : scope.parameters()) parameters += parameter.tensor().numel();
  fmt::print("{} on {}: {} parameters, {} training and {} test images, {} thread{}, {}\n", options.model, dataset.title,
             train::readable_count(parameters), train::readable_count(train_batches.image_count()),
             train::readable_count(test_batches.image_count()), threads(), threads() == 1 ? "" : "s", name_of(isa()));
  std::fflush(stdout);

  History history;
  Evaluation last{0, train::ConfusionMatrix(dataset.classes)};
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const train::Stopwatch watch;
    train_epoch(options, epoch, net, train_batches, dataset.classes, *optimizer, history);
    history.seconds.push_back(watch.seconds());
    last = evaluate(net, scope, test_batches, dataset.classes);
    history.test_loss.push_back(last.loss);
    history.test_accuracy.push_back(last.confusion.accuracy());
    fmt::print(
        "epoch {}/{}  train loss {:.4f}, accuracy {:.2f} %  test loss {:.4f}, accuracy {:.2f} %  {:.1f} s, {} "
        "images/s\n",
        epoch + 1, options.epochs, history.train_loss.back(), 100 * history.train_accuracy.back(), last.loss,
        100 * last.confusion.accuracy(), history.seconds.back(),
        train::readable_count(std::llround(static_cast<double>(train_batches.image_count()) / history.seconds.back())));
    std::fflush(stdout);
  }
  fmt::print("\n{}\n", last.confusion.table());
  if (!output.empty()) {
    write_summary(output, summary(options, history, last, train_batches.image_count(), scope));
    fmt::print("summary: {}\n", output.string());
  }
  return 0;
}

void describe(CLI::App& app, Options& options) {
  app.add_option("--dataset", options.dataset, "What to train on")
      ->check(CLI::IsMember({"fashion", "mnist", "cifar10"}));
  app.add_option(
         "--model", options.model,
         "The net. mlp: 256 and 128 tanh units; conv1d: the pixels in a row, one convolution and pooling, 100 "
         "tanh units; conv2d: two 3x3 convolutions, pooling, 128 units (colour images: four, two, 256), dropout")
      ->check(CLI::IsMember({"mlp", "conv1d", "conv2d"}));
  app.add_option("--epochs", options.epochs, "Passes through the training images")->check(CLI::Range(1, 100'000));
  app.add_option("--batch-size", options.batch_size, "Images per step")->check(CLI::Range(1, 1'000'000));
  app.add_option("--lr", options.lr, "Learning rate at the start; by default 0.001, with sgd 0.01")
      ->check(CLI::PositiveNumber)
      ->default_str("");
  app.add_option("--schedule", options.schedule, "The learning rate over the run: linear (falls to 0) or constant")
      ->check(CLI::IsMember({"linear", "constant"}));
  app.add_option("--optimizer", options.optimizer, "adam, adamw, or sgd with momentum 0.9")
      ->check(CLI::IsMember({"adam", "adamw", "sgd"}));
  app.add_option("--seed", options.seed, "Of initial values, orders and dropout; equal seeds give equal bits");
  app.add_option("--threads", options.threads,
                 "By default $RAVEL_THREADS, or the number of cores; results do not depend on it")
      ->check(CLI::Range(1, 256))
      ->default_str("");
  app.add_option(
      "--data", options.data,
      "Folder with the dataset's files; by default it is looked for in $RAVEL_DATA, ./data-cache, ~/.cache/ravel "
      "and /usr/share/datasets");
  app.add_option("--out", options.out, "Folder for summary.json: all figures of the run");
  app.add_option("--limit", options.limit, "Use the first so many images only, of both sets")
      ->check(CLI::PositiveNumber)
      ->default_str("");
}

}  // namespace

int main(int argc, char** argv) {
  return train::run_program("train_images", [&] {
    Options options;
    CLI::App app("Trains a net on images and says how well it does.", "train_images");
    app.option_defaults()->always_capture_default()->take_last();
    app.set_version_flag("--version", fmt::format("ravel {}, {}, {} threads", version(), name_of(isa()), threads()));
    app.footer(
        "Examples:\n  train_images --dataset mnist --model conv2d --epochs 3\n  train_images --model mlp --optimizer "
        "sgd --lr 0.05 --out runs/mlp");
    describe(app, options);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : train::exit_usage;
    }
    if (options.lr == 0) options.lr = options.optimizer == "sgd" ? 0.01 : 0.001;
    return run(options);
  });
}
