namespace Orleans.DOS.Simulation.Segments;

/// <summary>One run from one seed: owners come and go (also two at once), and frozen, disks crash and freeze, also two at once, also with their power; then all heals and the promise is checked.</summary>
public static class SegmentSimulation
{
    private const long EndMs = 12_000;

    /// <returns>What promise was broken; null when none was.</returns>
    public static string? Run(int seed, PlantedFault fault = PlantedFault.None)
    {
        var world = new SimulatedWorld(seed);
        var catalog = new SimulatedCatalog();
        // One in four runs: any disk may lose its power at any time. One in four: all of them at the end.
        var anyLosesPower = seed % 4 == 1;
        var everybodyLosesPower = seed % 4 == 0;
        var checker = new PromiseChecker(durableOnly: anyLosesPower || everybodyLosesPower);
        var disks = Enumerable.Range(0, 4).Select(_ => new SimulatedReplica(world, fault)).ToArray();
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
                // Sometimes two at once. Else only disk 0 loses power, so that an undamaged copy of everything acknowledged exists.
                for (var count = world.Random.Next(5) == 0 ? 2 : 1; count > 0; count--)
                {
                    var disk = world.Random.Next(disks.Length);
                    disks[disk].Crash(powerLoss: disk == 0 || anyLosesPower);
                    world.After(world.Random.Next(20, 2500), disks[disk].Restart);
                }
            });
        }
        for (var at = 400; at < EndMs; at += world.Random.Next(300, 3000))
        {
            world.After(at, () =>
            {
                var milliseconds = world.Random.Next(50, 3500);
                if (world.Random.Next(3) == 0)
                {
                    owners[^1].Freeze(milliseconds);
                }
                else
                {
                    disks[world.Random.Next(disks.Length)].FrozenUntil = world.Now + milliseconds;
                }
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
        Array.ForEach(disks, disk => disk.FrozenUntil = 0);
        var last = NewOwner();
        world.RunUntil(EndMs + 10_000);
        return checker.Violation ?? (last.IsReady ? Verify(catalog, disks, checker) : "the last owner never became ready");
    }

    private static string? Verify(SimulatedCatalog catalog, SimulatedReplica[] disks, PromiseChecker checker)
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
        checker.Check(read);
        return checker.Violation;
    }
}
