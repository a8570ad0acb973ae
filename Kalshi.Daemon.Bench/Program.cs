using System.Globalization;
using Kalshi.Daemon.Bench.Fuzz;
using Kalshi.Daemon.Bench.Pipeline;
using Kalshi.Daemon.Bench.Storage;

const string Recordings = "../shared/kalshi/recordings";
const string Binary = "artifacts/kalshid";
const int StoreFrames = 8_000_000;
const int ProductionRows = 2_000_000;

// Run from the root of the repository; ./build.sh bench and ./build.sh fuzz do.
return args switch
{
    ["decode"] => DecodeBench.Run(Recordings),
    ["decode", var recordings] => DecodeBench.Run(recordings),
    ["capture"] => CaptureBench.Run(5_000_000),
    ["capture", var messages] => CaptureBench.Run(Count(messages)),
    ["capture-child", var side, var url, var messages] => await CaptureBench.ChildAsync(side, new Uri(url), Count(messages)),
    ["gather"] => GatherBench.Run(Binary, GatherBench.DefaultFrames),
    ["gather", var binary] => GatherBench.Run(binary, GatherBench.DefaultFrames),
    ["gather", var binary, var frames] => GatherBench.Run(binary, Count(frames)),
    ["journal"] => JournalBench.Run(4_000_000, Recordings),
    ["journal", var records, var recordings] => JournalBench.Run(Count(records), recordings),
    ["export"] => ExportBench.Run(Recordings),
    ["export", var recordings] => ExportBench.Run(recordings),
    ["store", var plain] => await StoreBench.RunAsync(StoreFrames, plain),
    ["store", var plain, var timescale] => await StoreBench.RunAsync(StoreFrames, plain, timescale),
    ["merge"] => MergeBench.Run(5_000_000, 1_000_000),
    ["merge", var changes, var markets] => MergeBench.Run((int)Count(changes), (int)Count(markets)),
    ["dedup", var plain, ..] => await DedupBench.RunAsync(plain),
    ["dedup-memory", var plain, ..] => await DedupMemoryBench.RunAsync(plain, Binary, 1_000_000),
    ["streams"] => StreamMergeBench.Run(3_000_000),
    ["streams", var rows] => StreamMergeBench.Run((int)Count(rows)),
    ["production", var plain] => await ProductionBench.RunAsync(ProductionRows, plain),
    ["production", var plain, var timescale] => await ProductionBench.RunAsync(ProductionRows, plain, timescale),
    ["fuzz-frames", var inputs] => FrameFuzz.Run(Count(inputs), NewSeed()),
    ["fuzz-frames", var inputs, var seed] => FrameFuzz.Run(Count(inputs), ulong.Parse(seed, CultureInfo.InvariantCulture)),
    ["fuzz-journal", var inputs] => JournalFuzz.Run(Count(inputs), NewSeed()),
    ["fuzz-journal", var inputs, var seed] => JournalFuzz.Run(Count(inputs), ulong.Parse(seed, CultureInfo.InvariantCulture)),
#if !NATIVE
    ["micro", ..] => Micro(args[1..]),
#endif
    _ => Usage(),
};

#if !NATIVE
static int Micro(string[] arguments)
{
    BenchmarkDotNet.Running.BenchmarkRunner.Run<Kalshi.Daemon.Bench.Micro.HotPath>(args: arguments);
    return 0;
}
#endif

static long Count(string text) => long.Parse(text, CultureInfo.InvariantCulture);

static ulong NewSeed() => (ulong)Random.Shared.NextInt64();

static int Usage()
{
    Console.Error.WriteLine("usage: kalshid-bench decode [RECORDINGS] | capture [MESSAGES] | gather [BINARY [FRAMES]] | journal [RECORDS RECORDINGS] | export [RECORDINGS] | merge [CHANGES MARKETS] | streams [ROWS] | store DSN [DSN-WITH-TIMESCALEDB] | dedup DSN | dedup-memory DSN | production DSN [DSN-WITH-TIMESCALEDB] | fuzz-frames INPUTS [SEED] | fuzz-journal INPUTS [SEED]");
    return 64;
}
