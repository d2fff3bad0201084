//! Plan -> Graph: which stage comes before which. Knows ids and edges; not what a stage does.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    fmt,
};

use foldhash::{HashMap, HashMapExt, HashSet};
use petgraph::{
    Direction,
    graph::{DiGraph, NodeIndex},
    visit::{Control, DfsEvent, EdgeRef, depth_first_search},
};

use crate::plan::{Plan, StageId};

/// The stages of a plan and what must be done before what.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Nodes stand in the order of the plan; edges lead from producers to readers.
    stages: DiGraph<StageId, ()>,
    nodes: HashMap<StageId, NodeIndex>,
    order: Vec<StageId>,
}

/// Stages that take part.
pub type Selection = HashSet<StageId>;

/// Why a plan has no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphError {
    /// Each stage waits for the one before it, and the first for the last. The first is named again at the end.
    Cycle(Vec<StageId>),
    /// A stage waits for one that does not exist.
    Unknown { stage: StageId, named: StageId },
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(path) => write!(f, "stages wait for each other: {}", path.join(" → ")),
            Self::Unknown { stage, named } => {
                write!(
                    f,
                    "stage `{stage}` waits for `{named}`, which does not exist"
                )
            }
        }
    }
}

impl std::error::Error for GraphError {}

/// Orders the stages of a plan.
pub fn build(plan: &Plan) -> Result<Graph, GraphError> {
    let mut stages = DiGraph::with_capacity(plan.stages.len(), plan.stages.len() * 2);
    let nodes: HashMap<StageId, NodeIndex> = plan
        .stages
        .keys()
        .map(|id| (id.clone(), stages.add_node(id.clone())))
        .collect();
    for (id, stage) in &plan.stages {
        for before in stage.predecessors() {
            let Some(&from) = nodes.get(before) else {
                return Err(GraphError::Unknown {
                    stage: id.clone(),
                    named: before.clone(),
                });
            };
            stages.add_edge(from, nodes[id], ());
        }
    }
    let Some(order) = sort(&stages) else {
        return Err(GraphError::Cycle(find_cycle(&stages)));
    };
    Ok(Graph {
        stages,
        nodes,
        order,
    })
}

impl Graph {
    /// All stages, each after those it waits for; where that leaves a choice, in the order of the plan.
    pub fn order(&self) -> &[StageId] {
        &self.order
    }

    /// The stages that this one waits for, without those further up.
    pub fn before(&self, id: &str) -> impl Iterator<Item = &StageId> {
        self.neighbours(id, Direction::Incoming)
    }

    /// The stages that wait for this one, without those further down.
    pub fn after(&self, id: &str) -> impl Iterator<Item = &StageId> {
        self.neighbours(id, Direction::Outgoing)
    }

    /// All stages that must be done before this one.
    pub fn upstream(&self, id: &str) -> BTreeSet<StageId> {
        self.closure(id, Direction::Incoming)
    }

    /// All stages that come after this one.
    pub fn downstream(&self, id: &str) -> BTreeSet<StageId> {
        self.closure(id, Direction::Outgoing)
    }

    /// The targets and all they need; with `downstream`, also what comes after them and all that needs.
    /// No targets means all stages. Targets that are no stages are left out.
    pub fn select<'a>(
        &self,
        targets: impl IntoIterator<Item = &'a str>,
        downstream: bool,
    ) -> Selection {
        let mut targets = targets.into_iter().peekable();
        if targets.peek().is_none() {
            return self.order.iter().cloned().collect();
        }
        let mut goals: Selection = targets
            .filter(|&id| self.nodes.contains_key(id))
            .map(str::to_owned)
            .collect();
        if downstream {
            let further: Vec<StageId> = self.reach(goals.iter(), Direction::Outgoing);
            goals.extend(further);
        }
        let needed = self.reach(goals.iter(), Direction::Incoming);
        goals.extend(needed);
        goals
    }

    /// Stages by how many others must be done one after another before them.
    pub fn levels(&self) -> Vec<Vec<StageId>> {
        let mut levels: Vec<Vec<StageId>> = Vec::new();
        let mut depth: HashMap<&str, usize> = HashMap::new();
        for id in &self.order {
            let level = self
                .before(id)
                .map(|it| depth[it.as_str()] + 1)
                .max()
                .unwrap_or(0);
            depth.insert(id, level);
            if levels.len() == level {
                levels.push(Vec::new());
            }
            levels[level].push(id.clone());
        }
        levels
    }

    fn neighbours(&self, id: &str, direction: Direction) -> impl Iterator<Item = &StageId> {
        let node = self.nodes.get(id).copied();
        node.into_iter()
            .flat_map(move |node| self.stages.neighbors_directed(node, direction))
            .map(|node| &self.stages[node])
    }

    fn closure(&self, id: &str, direction: Direction) -> BTreeSet<StageId> {
        let start = self.nodes.get_key_value(id).map(|(id, _)| id);
        self.reach(start.into_iter(), direction)
            .into_iter()
            .collect()
    }

    /// All that can be reached from `starts`, without those of them that cannot be reached from another.
    fn reach<'a>(
        &self,
        starts: impl Iterator<Item = &'a StageId>,
        direction: Direction,
    ) -> Vec<StageId> {
        let mut stack: Vec<NodeIndex> = starts.map(|id| self.nodes[id]).collect();
        let mut seen = HashSet::default();
        while let Some(node) = stack.pop() {
            for next in self.stages.neighbors_directed(node, direction) {
                if seen.insert(next) {
                    stack.push(next);
                }
            }
        }
        seen.into_iter()
            .map(|node| self.stages[node].clone())
            .collect()
    }
}

/// Kahn's algorithm; of the stages that are free, the one that comes first in the plan is taken.
fn sort(stages: &DiGraph<StageId, ()>) -> Option<Vec<StageId>> {
    let mut waits: Vec<usize> = stages
        .node_indices()
        .map(|node| stages.edges_directed(node, Direction::Incoming).count())
        .collect();
    let mut free: BinaryHeap<Reverse<NodeIndex>> = stages
        .node_indices()
        .filter(|node| waits[node.index()] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(stages.node_count());
    while let Some(Reverse(node)) = free.pop() {
        order.push(stages[node].clone());
        for edge in stages.edges(node) {
            let count = &mut waits[edge.target().index()];
            *count -= 1;
            if *count == 0 {
                free.push(Reverse(edge.target()));
            }
        }
    }
    (order.len() == stages.node_count()).then_some(order)
}

/// The path along the first back edge that a depth-first search meets. Each stage stands before its readers.
fn find_cycle(stages: &DiGraph<StageId, ()>) -> Vec<StageId> {
    let mut path: Vec<NodeIndex> = Vec::new();
    let mut closing = None;
    depth_first_search(stages, stages.node_indices(), |event| {
        match event {
            DfsEvent::Discover(node, _) => path.push(node),
            DfsEvent::Finish(..) => {
                path.pop();
            }
            DfsEvent::BackEdge(_, first) => {
                closing = Some(first);
                return Control::Break(());
            }
            _ => {}
        }
        Control::Continue
    });
    let start = path
        .iter()
        .position(|node| Some(*node) == closing)
        .unwrap_or(0);
    path[start..]
        .iter()
        .chain(closing.iter())
        .map(|&node| stages[node].clone())
        .collect()
}

#[cfg(test)]
mod tests;
