using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

/// <summary>
/// One run from one seed: owners come and go (also two at once), and frozen; disks crash and freeze, also two at once, lose power, rot
/// or are wiped; ways are cut, also in one direction; the catalog is away at times; segments are given up, collected and filled up
/// meanwhile. Then all heals and the promise is checked.
/// </summary>
public sealed class SegmentSimulation
{
    private const long EndMs = 20_000;

    /// <summary>
    /// Longer than the latest message (4 s) and the longest freeze (3.5 s): with the file of a segment goes its seal, and a late "create" of
    /// an older owner would bring it to life (seed 575, when this was 0.8 s).
    /// </summary>
    private const long SafeAgeMs = 9_000;
    private const int Disks = 4, WipedDisk = 3;

    /// <summary>What destroys copies in this run: each promise holds for one cause at a time.</summary>
    private enum Cause { PowerOfAllAtTheEnd, PowerOfAny, Wiping, Rot, PowerOfOne, RotAndPowerOfAny }

    private readonly SimulatedWorld _world;
    private readonly SimulatedCatalog _catalog = new();
    private readonly SimulatedReplica[] _disks;
    private readonly SimulatedNetwork _network;
    private readonly PromiseChecker _checker;
    private readonly List<SimulatedOwner> _owners = [];
    private readonly Cause _cause;
    private readonly PlantedFault _fault;
    /// <summary>Frames of which no disk had a good copy left when one rotted, or lost its power: nobody can do anything about these.</summary>
    private readonly HashSet<(int Segment, int Index)> _gone = [];
    private int _value;

    private SegmentSimulation(int seed, PlantedFault fault)
    {
        (_world, _fault) = (new SimulatedWorld(seed), fault);
        _cause = (Cause)(seed % 5) is Cause.Rot && seed / 5 % 2 == 1 ? Cause.RotAndPowerOfAny : (Cause)(seed % 5);
        // Where every copy of a frame may lose what was not synced, or one of two and the other with its disk, only durable frames are promised.
        _checker = new PromiseChecker(durableOnly: _cause is Cause.PowerOfAllAtTheEnd or Cause.PowerOfAny or Cause.Wiping or Cause.RotAndPowerOfAny);
        _disks = [.. Enumerable.Range(0, Disks).Select(_ => new SimulatedReplica(_world, fault))];
        _network = new SimulatedNetwork(_world, _disks);
    }

    /// <returns>What promise was broken; null when none was.</returns>
    public static string? Run(int seed, PlantedFault fault = PlantedFault.None) => new SegmentSimulation(seed, fault).Play();

    private string? Play()
    {
        var random = _world.Random;
        NewOwner();
        // A caller may still talk to an owner that was replaced: both get frames.
        Every(5, 60, () => _owners[Math.Max(0, _owners.Count - 1 - (random.Next(4) == 0 ? 1 : 0))].Submit(++_value, random.Next(2) == 0));
        Every(300, 2500, () =>
        {
            if (random.Next(3) == 0)
            {
                _owners[^1].Stop();
            }
            NewOwner();
        });
        Every(100, 1500, CrashDisks);
        Every(300, 3000, Freeze);
        Every(500, 4000, () => _network.Cut(random.Next(Disks), random.Next(Disks), random.Next(100, 2500)));
        Every(1000, 6000, () => _catalog.AwayUntil = _world.Now + random.Next(50, 1500));
        Every(200, 900, () => _owners[^1].Checkpoint());
        Every(100, 500, Collect);
        Every(100, 600, Sweep);
        Every(200, 800, FillUp);
        if (IsRotting)
        {
            Every(200, 800, Scrub);
        }
        _world.RunUntil(EndMs);
        if (_cause == Cause.PowerOfAllAtTheEnd)
        {
            Array.ForEach(_disks, disk => disk.Crash(powerLoss: true));
        }
        _world.Healed = true;
        _world.RunUntil(EndMs + 3000);
        Array.ForEach(_disks, disk => disk.Restart());
        Array.ForEach(_disks, disk => disk.FrozenUntil = 0);
        var last = NewOwner();
        _world.RunUntil(EndMs + 10_000);
        return _checker.Violation ?? (last.IsReady ? Verify() : _catalog.Live.Any(IsLostToRot) ? null : $"the last owner never became ready:{string.Concat(_catalog.Live.Select(Describe))}");
    }

    /// <summary>What an owner would find of a segment; empty for one that hinders nobody.</summary>
    private string Describe(SimulatedCatalog.Row row)
    {
        if (row.Sealed is not null && (row.Sealed == 0 || SimulatedOwner.Read(row, _disks) is not null))
        {
            return "";
        }
        var replicas = row.Replicas.Select(replica =>
            $" disk {replica.Key}{(row.Lost.Contains(replica.Key) ? " given up" : "")}{(_disks[replica.Key].Disk == replica.Value ? "" : " wiped")}: {_disks[replica.Key].StateOf(row.Id)}");
        return $"\n  segment {row.Id}, {(row.Sealed is { } length ? $"sealed at {length}" : "open")};{string.Concat(replicas)}";
    }

    /// <summary>
    /// Unavailable is no lie of a frame that was bad, or gone, on every disk at once. Of an open segment it is none either when a rotten one may
    /// be the only one that knows how much there was, since the others lost a tail, or are rotten too; one beside an undamaged one is no excuse.
    /// </summary>
    private bool IsLostToRot(SimulatedCatalog.Row row) => IsRotting && (row.Sealed is not null
        ? _gone.Any(frame => frame.Segment == row.Id && frame.Index < row.Frames)
        : row.Replicas.Keys.Any(node => _disks[node].IsRotten(row.Id)) && row.Replicas.Keys.All(node => _disks[node].StateOf(row.Id) is not { Damaged: false }));

    private bool IsRotting => _cause is Cause.Rot or Cause.RotAndPowerOfAny;

    private void NoteGone(IEnumerable<(int Segment, int Index)> frames) =>
        _gone.UnionWith(frames.Where(frame => _disks.All(disk => disk.FrameAt(frame.Segment, disk.Disk, frame.Index) is null)));

    private SimulatedOwner NewOwner()
    {
        var owner = new SimulatedOwner(_world, _catalog, _network, _disks, _world.Random.Next(Disks), ++_catalog.Epoch, _fault, _checker);
        _owners.Add(owner);
        owner.Begin();
        return owner;
    }

    private void CrashDisks()
    {
        var random = _world.Random;
        if (IsRotting && random.Next(2) == 0)
        {
            // Never the same frame on both disks: what is bad everywhere is lost. And where power is lost, never one that looks like a torn tail.
            var odd = random.Next(2);
            if (_disks[1 + odd].Rot(value => value % 2 == odd, marked: _cause == Cause.RotAndPowerOfAny) is { } rotted)
            {
                NoteGone([rotted]);
            }
        }
        // Sometimes two at once.
        for (var count = random.Next(5) == 0 ? 2 : 1; count > 0; count--)
        {
            var disk = random.Next(Disks);
            if (!_disks[disk].IsUp)
            {
                continue;
            }
            // One disk alone loses its power in the other runs, so that an undamaged copy of everything acknowledged exists.
            var had = _disks[disk].OpenFrames;
            _disks[disk].Crash(powerLoss: _cause is Cause.PowerOfAny or Cause.RotAndPowerOfAny || (disk == 0 && _cause is not Cause.Rot));
            NoteGone(had);
            if (_cause == Cause.Wiping && disk == WipedDisk && random.Next(2) == 0 && HasNoLastCopy(disk))
            {
                _disks[disk].Wipe();
            }
            _world.After(random.Next(20, 2500), _disks[disk].Restart);
        }
    }

    /// <summary>
    /// Everything on it is whole on another disk too: the one copy that is left when another was given up cannot be lost without loss. A
    /// segment that the other disk does not have yet stays Unavailable when this one goes, since "never made" is not believed of one alone.
    /// </summary>
    private bool HasNoLastCopy(int disk) => _catalog.Live.Where(row => row.Replicas.GetValueOrDefault(disk, -1) == _disks[disk].Disk).All(row =>
        row.Replicas.Any(other => other.Key != disk && _disks[other.Key].Disk == other.Value && _disks[other.Key].StateOf(row.Id) is { Damaged: false } copy
            && (copy.Sealed || other.Key != 0) && copy.Length >= Math.Min(_disks[disk].StateOf(row.Id)?.Length ?? 0, row.Sealed ?? long.MaxValue)));

    private void Freeze()
    {
        var milliseconds = _world.Random.Next(50, 3500);
        if (_world.Random.Next(3) == 0)
        {
            _owners[^1].Freeze(milliseconds);
        }
        else
        {
            _disks[_world.Random.Next(Disks)].FrozenUntil = _world.Now + milliseconds;
        }
    }

    /// <summary>Files of segments that were given up long enough ago go, then the rows that know of them.</summary>
    private void Collect()
    {
        foreach (var row in _catalog.Segments.Where(row => row.Deleting is { } since && _world.Now - since > SafeAgeMs).ToList())
        {
            foreach (var (node, disk) in row.Replicas.ToList())
            {
                _network.Send(0, node, disk, replica => replica.Delete(row.Id), act => act(), answer =>
                {
                    if (answer is not null)
                    {
                        row.Replicas.Remove(node);
                        if (row.Replicas.Count == 0)
                        {
                            _catalog.Segments.Remove(row);
                        }
                    }
                });
            }
        }
    }

    /// <summary>A node deletes what lies on its disk and no row names: the files are listed before the names are read.</summary>
    private void Sweep()
    {
        var node = _world.Random.Next(Disks);
        var disk = _disks[node];
        HashSet<int> Names() => [.. _catalog.Segments.Where(row => row.Replicas.ContainsKey(node)).Select(row => row.Id)];
        var listed = disk.Segments;
        var named = Names();
        _world.After(_world.Random.Next(1, 200), () =>
        {
            if (_fault == PlantedFault.CreatedSegmentCollected)
            {
                listed = disk.Segments;
            }
            else
            {
                named = Names();
            }
            if (disk.IsUp)
            {
                foreach (var segment in DiskSweep.Unnamed(listed, named))
                {
                    disk.Delete(segment);
                }
            }
        });
    }

    /// <summary>A bad replica of a sealed segment is given up if another is known as good.</summary>
    private void Scrub()
    {
        var node = _world.Random.Next(Disks);
        bool IsGood(SimulatedCatalog.Row row, int other) => row.Good.Contains(other) && _disks[other].Disk == row.Replicas[other];
        foreach (var row in _catalog.Live.Where(row => row.Sealed > 0 && _disks[node].IsUp && IsGood(row, node)).ToList())
        {
            if (!_disks[node].Verify(row.Id, row.Frames) && Enumerable.Range(0, Disks).Any(other => other != node && IsGood(row, other)))
            {
                row.Lost.Add(node);
            }
        }
    }

    /// <summary>A sealed segment with too few good replicas gets another, on a node that never had one, or on one that was given up.</summary>
    private void FillUp()
    {
        var random = _world.Random;
        var (row, epoch) = (_catalog.Live.FirstOrDefault(row => row.Sealed > 0 && row.Good.Count(node => _disks[node].Disk == row.Replicas[node]) < 2), _catalog.Epoch);
        var target = random.Next(Disks);
        if (row is null || row.Good.Where(node => _disks[node].Disk == row.Replicas[node]).OrderBy(_ => random.Next()).FirstOrDefault(-1) is not (>= 0 and var source)
            || (row.Replicas.TryGetValue(target, out var known) && known == _disks[target].Disk && !row.Lost.Contains(target)))
        {
            return;
        }
        var disk = _disks[target].Disk;
        // Announced first, so that whatever becomes of the copy it is found again.
        row.Replicas[target] = disk;
        row.Lost.Add(target);
        _network.Send(source, target, disk, replica => replica.CopyFrom(row.Id, epoch, _disks[source], row.Replicas.GetValueOrDefault(source, -1), row.Sealed!.Value), act => act(), answer =>
        {
            if (answer?.Verdict == ReplicaVerdict.Done && row.Deleting is null && row.Replicas.GetValueOrDefault(target, -1) == disk)
            {
                row.Lost.Remove(target);
            }
        });
    }

    private string? Verify()
    {
        var read = new List<int>();
        foreach (var row in _catalog.Live.Where(row => row.Sealed > 0))
        {
            if (SimulatedOwner.Read(row, _disks) is not { } frames)
            {
                return IsLostToRot(row) ? null : $"segment {row.Id} has no replica with its {row.Frames} frames";
            }
            foreach (var node in row.Good)
            {
                if (Enumerable.Range(0, row.Frames).Any(index => _disks[node].FrameAt(row.Id, row.Replicas[node], index) is { } frame && frame != frames[index]))
                {
                    return $"replicas of segment {row.Id} differ";
                }
            }
            read.AddRange(frames);
        }
        _checker.Check(read);
        return _checker.Violation;
    }

    private void Every(int least, int most, Action act)
    {
        var next = _world.Random.Next(least, most);
        if (_world.Now + next < EndMs)
        {
            _world.After(next, () =>
            {
                act();
                Every(least, most, act);
            });
        }
    }
}
