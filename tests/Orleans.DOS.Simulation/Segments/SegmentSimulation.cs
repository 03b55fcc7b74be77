namespace Orleans.DOS.Simulation.Segments;

/// <summary>One run from one seed: owners come and go (also two at once), disks crash, one of them with its power; then all heals and the promise is checked.</summary>
public static class SegmentSimulation
{
    private const long EndMs = 12_000;

    /// <returns>What promise was broken; null when none was.</returns>
    public static string? Run(int seed, PlantedFault fault = PlantedFault.None)
    {
        var world = new SimulatedWorld(seed);
        var catalog = new SimulatedCatalog();
        var checker = new PromiseChecker();
        var disks = Enumerable.Range(0, 4).Select(_ => new SimulatedReplica(world, fault)).ToArray();
        var everybodyLosesPower = seed % 4 == 0;
        var owners = new List<SimulatedOwner>();
        var value = 0;
        SimulatedOwner NewOwner()
        {
            var owner = new SimulatedOwner(world, catalog, disks, ++catalog.Epoch, fault, checker);
            owners.Add(owner);
            owner.Begin();
            return owner;
        }
        NewOwner();
        for (var at = 10; at < EndMs; at += world.Random.Next(5, 60))
        {
            // A caller may still talk to an owner that was replaced: both get frames.
            world.After(at, () => owners[Math.Max(0, owners.Count - 1 - (world.Random.Next(4) == 0 ? 1 : 0))].Submit(++value, world.Random.Next(2) == 0));
        }
        for (var at = 500; at < EndMs; at += world.Random.Next(300, 2500))
        {
            world.After(at, () =>
            {
                if (world.Random.Next(3) == 0)
                {
                    owners[^1].Stop();
                }
                NewOwner();
            });
        }
        for (var at = 300; at < EndMs; at += world.Random.Next(100, 1500))
        {
            world.After(at, () =>
            {
                // Only disk 0 loses power alone, so that an undamaged copy of everything acknowledged exists.
                var disk = world.Random.Next(disks.Length);
                disks[disk].Crash(powerLoss: disk == 0);
                world.After(world.Random.Next(20, 2500), disks[disk].Restart);
            });
        }
        world.RunUntil(EndMs);
        if (everybodyLosesPower)
        {
            Array.ForEach(disks, disk => disk.Crash(powerLoss: true));
        }
        world.Healed = true;
        world.RunUntil(EndMs + 3000);
        Array.ForEach(disks, disk => disk.Restart());
        var last = NewOwner();
        world.RunUntil(EndMs + 10_000);
        return checker.Violation ?? (last.IsReady ? Verify(catalog, disks, checker, everybodyLosesPower) : "the last owner never became ready");
    }

    private static string? Verify(SimulatedCatalog catalog, SimulatedReplica[] disks, PromiseChecker checker, bool durableOnly)
    {
        var read = new List<int>();
        foreach (var row in catalog.Segments.Where(row => row.Sealed > 0))
        {
            var frames = (int)(row.Sealed!.Value / SimulatedReplica.FrameBytes);
            var contents = row.Replicas.Select(node => disks[node].FramesOf(row.Id)).Where(log => log?.Count >= frames).Select(log => log!.Take(frames).ToList()).ToList();
            if (contents.Count == 0)
            {
                return $"segment {row.Id} has no replica with its {frames} frames";
            }
            if (contents.Any(content => !content.SequenceEqual(contents[0])))
            {
                return $"replicas of segment {row.Id} differ";
            }
            read.AddRange(contents[0]);
        }
        checker.Check(read, durableOnly);
        return checker.Violation;
    }
}
