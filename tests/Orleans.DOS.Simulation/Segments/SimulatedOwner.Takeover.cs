using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

/// <summary>How an owner begins, and what it writes down of what it knows.</summary>
public sealed partial class SimulatedOwner
{
    public void Begin()
    {
        if (_stopped || catalog.Epoch != epoch)
        {
            return;
        }
        if (catalog.Live.FirstOrDefault(segment => segment.Sealed is null) is { } row)
        {
            TakeOver(row);
            return;
        }
        var kept = new List<int>();
        foreach (var segment in catalog.Live.Where(segment => segment.Sealed > 0))
        {
            if (catalog.Extents.GetValueOrDefault(segment.Id) > segment.Frames)
            {
                checker.Broken($"the checkpoint names frame {catalog.Extents[segment.Id]} of segment {segment.Id}, which has {segment.Frames}");
            }
            if (Read(segment) is not { } frames)
            {
                world.After(200, () => Awake(Begin));
                return;
            }
            kept.AddRange(frames);
        }
        IsReady = true;
        checker.Owns(epoch, kept);
        Open(null);
        Tick();
    }

    /// <summary>Frames of a sealed segment, each from whoever has it; null when one cannot be read now.</summary>
    public static List<int>? Read(SimulatedCatalog.Row row, SimulatedReplica[] disks)
    {
        var frames = new List<int>();
        for (var index = 0; index < row.Frames; index++)
        {
            if (row.Good.Concat(row.Lost).Where(node => disks[node].IsUp).Select(node => disks[node].FrameAt(row.Id, row.Replicas[node], index)).FirstOrDefault(frame => frame is not null) is not { } frame)
            {
                return null;
            }
            frames.Add(frame);
        }
        return frames;
    }

    /// <summary>Writes down what is on the disks, so that a next owner has less to replay, and gives up what nothing needs any more.</summary>
    public void Checkpoint() => Awake(() =>
    {
        if (_stopped || _writer is not { Phase: WriterPhase.Writing } writer || _row is not { } row)
        {
            return;
        }
        var effects = new List<WriterEffect>();
        writer.Flush(world.Now, effects);
        Carry(effects);
        var length = fault == PlantedFault.ExtentBeforeItsBytes ? writer.AcknowledgedLength : Math.Min(writer.SyncedLength, writer.AcknowledgedLength);
        Commit(() =>
        {
            foreach (var segment in catalog.Live.Where(segment => segment.Sealed > 0))
            {
                catalog.Extents[segment.Id] = segment.Frames;
            }
            if (row.Sealed is null)
            {
                catalog.Extents[row.Id] = (int)(length / SimulatedReplica.FrameBytes);
            }
            GiveUpOldest();
        }, () => { });
    });

    /// <summary>The object has been overwritten: its oldest segment has no extent any more.</summary>
    private void GiveUpOldest()
    {
        if (world.Random.Next(4) == 0 && catalog.Live.FirstOrDefault(segment => segment.Sealed > 0) is { } oldest && Read(oldest) is { } frames)
        {
            checker.Dropped(frames);
            catalog.Extents.Remove(oldest.Id);
            oldest.Deleting = world.Now;
        }
    }

    private List<int>? Read(SimulatedCatalog.Row row) => Read(row, disks);

    private void TakeOver(SimulatedCatalog.Row row)
    {
        var replicas = row.Opened.Keys.ToList();
        var answers = new SealAnswer[replicas.Count];
        var left = answers.Length;
        for (var i = 0; i < answers.Length; i++)
        {
            var index = i;
            Send(row, replicas[i], disk => disk.Seal(row.Id, epoch, null), answer =>
            {
                answers[index] = answer is { } heard ? new(heard.Verdict, heard.State.Length, heard.State.Damaged, heard.State.Rotten) : default;
                if (--left == 0)
                {
                    Decide(row, replicas, answers);
                }
            });
        }
    }

    private void Decide(SimulatedCatalog.Row row, List<int> replicas, SealAnswer[] answers)
    {
        var decision = Takeover.Decide(answers);
        if (_stopped || catalog.Epoch != epoch || decision.Outcome == TakeoverOutcome.Stale)
        {
            return;
        }
        if (decision.Outcome == TakeoverOutcome.Unavailable)
        {
            world.After(200, () => Awake(Begin));
            return;
        }
        var length = decision.Length;
        var lost = decision.Lost.Select(index => replicas[index]).ToList();
        if (fault == PlantedFault.ShortestTaken && decision.Source >= 0)
        {
            length = answers.Where(answer => answer.Verdict == ReplicaVerdict.Done).Min(answer => answer.Length);
        }
        void Record() => Commit(() => SimulatedCatalog.Seal(row, length, lost, world.Now), Begin, unknown: Begin);
        var left = decision.CopyTo.Count;
        if (left == 0)
        {
            Record();
        }
        foreach (var node in decision.CopyTo.Select(index => replicas[index]))
        {
            var source = replicas[decision.Source];
            Send(row, node, disk => disk.CopyFrom(row.Id, epoch, disks[source], row.Opened[source], length), answer =>
            {
                if (answer?.Verdict != ReplicaVerdict.Done)
                {
                    lost.Add(node);
                }
                if (--left == 0)
                {
                    Record();
                }
            });
        }
    }
}
