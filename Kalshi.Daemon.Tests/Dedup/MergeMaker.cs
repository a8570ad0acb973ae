using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Makes a merge that was told nothing; it must be an <see cref="IMergeMemory"/> as well.</summary>
internal delegate IBookInput MergeMaker(Scenario scenario, MergeSettings settings, IBookOutput output, IBookRecall recall);
