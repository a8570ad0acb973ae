using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Bench.Fuzz;

/// <summary>
/// Feeds broken and respelt frames to the head reader and the decoder, on every core, and holds four answers against each other:
/// <code>
/// input ─┬─ FrameHeadReader: targeted scan ═ token walk             whenever the input is JSON
///        ├─ token walk: JSON or not        ═ Utf8JsonReader         on one input of 64 (its refusals throw, and are slow)
///        ├─ FrameDecoder: scans            ═ general reader         verdict, reason and every value
///        └─ REST trade, trades page: no exception       on one input of 8
/// </code>
/// Besides: nothing throws, nothing decodes that is not JSON, every value is in its range, and the decoders' buffers stop growing.
/// Input n of a run is made from seed + n alone: the line that reports a failure gives the seed that makes it the first input.
/// </summary>
internal static class FrameFuzz
{
    private const int BlockInputs = 4_096;
    private const int OracleEvery = 64;
    private const int RestEvery = 8;

    /// <summary>What one thread's decoders may allocate over a whole run: their buffers, grown to the longest input.</summary>
    private const long AllocatedBytesMax = 1 << 20;

    /// <summary>Returns an exit code: 0, or 1 when an input broke a rule.</summary>
    public static int Run(long inputs, ulong seed)
    {
        Console.WriteLine($"{inputs:N0} frames, seed {seed}, {Environment.ProcessorCount} threads");
        var start = Stopwatch.GetTimestamp();
        var threadCount = (int)Math.Min(Environment.ProcessorCount, (inputs / BlockInputs) + 1);
        var workers = Enumerable.Range(0, threadCount).Select(_ => new FuzzWorker()).ToArray();
        var next = -1L;
        var threads = Array.ConvertAll(workers, worker => new Thread(() => RunBlocks(worker)));
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Report(workers, Stopwatch.GetElapsedTime(start).TotalSeconds);
        return Array.Exists(workers, worker => worker.Failure is not null) ? 1 : 0;

        void RunBlocks(FuzzWorker worker)
        {
            var isGood = true;
            while (isGood && !Array.Exists(workers, each => each.Failure is not null))
            {
                var first = Interlocked.Increment(ref next) * BlockInputs;
                if (first >= inputs)
                {
                    return;
                }

                isGood = worker.Run(seed + (ulong)first, (int)Math.Min(BlockInputs, inputs - first));
            }
        }
    }

    private static void Report(FuzzWorker[] workers, double seconds)
    {
        foreach (var failure in workers.Select(worker => worker.Failure).OfType<string>())
        {
            Console.Error.WriteLine(failure);
        }

        var inputs = workers.Sum(worker => worker.Inputs);
        var reasons = workers.SelectMany(worker => worker.Reasons).Distinct().Count();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{inputs:N0} inputs in {seconds:F1} s ({inputs / seconds / 1e6:F2} M/s)"));
        Console.WriteLine($"  {workers.Sum(worker => worker.Json):N0} JSON, {workers.Sum(worker => worker.Scanned):N0} heads by scan");
        Console.WriteLine($"  {workers.Sum(worker => worker.Decoded):N0} decoded, {workers.Sum(worker => worker.Unknown):N0} unknown, "
            + $"{workers.Sum(worker => worker.Rejected):N0} rejected for {reasons} reasons");
        Console.WriteLine($"  {workers.Max(worker => worker.Allocated):N0} bytes allocated by the decoders of a thread, buffers included");
    }

    /// <summary>One thread's mutator, decoders and counts.</summary>
    private sealed class FuzzWorker
    {
        private readonly FrameMutator _mutator = new();
        private readonly FrameDecoder _decoder = new();
        private readonly FrameDecoder _general = new();
        private readonly FrameDecoder _rest = new();

        public HashSet<string> Reasons { get; } = [];
        public string? Failure { get; private set; }
        public long Inputs { get; private set; }
        public long Json { get; private set; }
        public long Scanned { get; private set; }
        public long Decoded { get; private set; }
        public long Unknown { get; private set; }
        public long Rejected { get; private set; }
        public long Allocated { get; private set; }

        public bool Run(ulong first, int count)
        {
            for (var number = first; number < first + (ulong)count && Failure is null; number++)
            {
                var input = _mutator.Make(number);
                string? wrong;
                try
                {
                    wrong = Check(input, number);
                }
                catch (Exception exception) when (exception is not OutOfMemoryException)
                {
                    wrong = $"threw {exception.GetType().Name}: {exception.Message}\n{exception.StackTrace}";
                }

                if (wrong is not null)
                {
                    Failure = $"Input {number} {wrong}\n  as hex: {Convert.ToHexString(input)}\n"
                        + $"  as text: {System.Text.Encoding.UTF8.GetString(input)}\n  replay: 1 input with seed {number}";
                }
            }

            return Failure is null;
        }

        private string? Check(ReadOnlySpan<byte> input, ulong number)
        {
            var useYesPrice = (number & 1) != 0;
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var head = FrameHeadReader.Read(input);
            var walked = FrameHeadReader.ReadByWalk(input);
            var verdict = _decoder.Decode(input, useYesPrice);
            var generalVerdict = _general.DecodeByFields(input, useYesPrice);
            var asRest = number % RestEvery == 0;
            var restVerdict = asRest ? _rest.DecodeRestTrade(input) : DecodeVerdict.Rejected;
            var isPage = asRest && RestTradesPage.TryOpen(input, out _);
            Allocated += GC.GetAllocatedBytesForCurrentThread() - allocated;
            Count(walked, verdict, FrameHeadReader.TryScan(input, out _));
            if (walked.IsJson && head != walked)
            {
                return $"has head {head}, by the walk {walked}";
            }

            if (!walked.IsJson && (verdict != DecodeVerdict.Rejected || restVerdict != DecodeVerdict.Rejected || isPage))
            {
                return "is not JSON and yet was decoded";
            }

            if (verdict != generalVerdict || (verdict == DecodeVerdict.Rejected && !ReferenceEquals(_decoder.Reason, _general.Reason)))
            {
                return $"is {verdict} ({_decoder.Reason}), by the general reader {generalVerdict} ({_general.Reason})";
            }

            if (verdict == DecodeVerdict.Decoded && MessageRules.Fingerprint(_decoder.Message) != MessageRules.Fingerprint(_general.Message))
            {
                return "has other values by the general reader";
            }

            if (Allocated > AllocatedBytesMax)
            {
                return $"brought the decoders' allocations to {Allocated} bytes";
            }

            return number % OracleEvery == 0 && walked.IsJson != IsObject(input) ? $"is JSON: {walked.IsJson}, which Utf8JsonReader denies"
                : verdict == DecodeVerdict.Decoded ? MessageRules.Broken(_decoder.Message)
                : restVerdict == DecodeVerdict.Decoded ? MessageRules.Broken(_rest.Message) : null;
        }

        private void Count(FrameHead walked, DecodeVerdict verdict, bool isScanned)
        {
            Inputs++;
            Json += walked.IsJson ? 1 : 0;
            Scanned += isScanned ? 1 : 0;
            Decoded += verdict == DecodeVerdict.Decoded ? 1 : 0;
            Unknown += verdict == DecodeVerdict.Unknown ? 1 : 0;
            Rejected += verdict == DecodeVerdict.Rejected ? 1 : 0;
            if (verdict == DecodeVerdict.Rejected)
            {
                Reasons.Add(_decoder.Reason);
            }
        }

        private static bool IsObject(ReadOnlySpan<byte> input)
        {
            try
            {
                var reader = new Utf8JsonReader(input);
                var isObject = reader.Read() && reader.TokenType == JsonTokenType.StartObject;
                while (reader.Read())
                {
                }

                return isObject;
            }
            catch (JsonException)
            {
                return false;
            }
        }
    }
}
