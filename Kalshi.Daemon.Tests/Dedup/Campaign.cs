using System.Diagnostics;
using System.Globalization;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Many seeds one after another: counts, and each failing one made small and traced.</summary>
internal sealed class Campaign(MergeMaker maker, TextWriter output)
{
    private long _changes;
    private long _missing;
    private long _repaired;
    private long _disagreements;
    private long _restarts;
    private long _sources;
    private long _sourcesUntold;

    /// <summary>What was found, one sentence a failing seed.</summary>
    public List<string> Failures { get; } = [];

    public void Run(int first, int count, int failuresMax)
    {
        var clock = Stopwatch.StartNew();
        var done = 0;
        for (var seed = first; seed < first + count && Failures.Count < failuresMax; seed++, done++)
        {
            RunSeed(seed);
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{done:N0} seeds, {_changes:N0} changes, {_missing:N0} in gaps, {_repaired:N0} gaps repaired, {_disagreements:N0} disagreements, {_restarts:N0} restarts, {Failures.Count} failed; "
            + $"{_sources - _sourcesUntold:N0} of {_sources:N0} sources told; {done / clock.Elapsed.TotalSeconds:N0} seeds/s"));
    }

    private void RunSeed(int seed)
    {
        var scenario = Scenario.Of(Recipe.Of(seed));
        var run = SeedRun.Of(scenario, maker);
        _changes += scenario.Changes;
        _missing += run.Check.Missing;
        _repaired += run.Check.Repaired;
        _disagreements += run.Check.Disagreements;
        _restarts += run.Restarts;
        _sources += run.Check.Sources;
        _sourcesUntold += run.Check.SourcesUntold;
        if (Environment.GetEnvironmentVariable("KALSHID_TRACE") is { Length: > 0 } path)
        {
            WriteTrace(path, scenario, run.Check.Findings.Select(finding => finding.Market).FirstOrDefault());
        }

        if (run.Check.Findings.Count > 0)
        {
            Report(seed, scenario, run.Check.Findings);
        }
    }

    private void Report(int seed, Scenario scenario, List<Finding> findings)
    {
        var small = new Shrinker(candidate => SeedRun.Of(candidate, maker).Check.Findings.Any(finding => finding.Kind == findings[0].Kind)).Shrink(scenario, findings[0].Market);
        var found = SeedRun.Of(small, maker).Check.Findings.FindAll(finding => finding.Kind == findings[0].Kind);
        var path = Path.Combine(Path.GetTempPath(), $"kalshid-dedup-seed-{seed}.txt");
        WriteTrace(path, small, found.Count > 0 ? found[0].Market : 0);
        var failure = $"seed {seed}: {findings[0]}; made small: {found.FirstOrDefault()}";
        Failures.Add(failure);
        output.WriteLine(failure);
        output.WriteLine($"    trace of {small.Changes} changes and {small.Feeds.Sum(feed => feed.Count)} rows in {path}; replay with ./build.sh campaign-dedup 1 {seed}");
    }

    private void WriteTrace(string path, Scenario scenario, int market)
    {
        using var trace = new StreamWriter(path);
        foreach (var truth in scenario.Markets.Where(truth => market == 0 || truth.Id == market))
        {
            ScenarioText.WriteTruth(scenario, truth.Id, trace);
        }

        foreach (var finding in SeedRun.Of(scenario, maker, trace, market).Check.Findings)
        {
            trace.WriteLine($"FOUND {finding}");
        }
    }
}
